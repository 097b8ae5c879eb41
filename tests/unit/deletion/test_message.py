"""What a message says about its request: message attributes are claims, which count only from the app's own roles."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import DELETER, ManualClock
from tests.unit.deletion.world import ONE, VOLUME, World, answer, ask, sqs_record
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.deletion.message import ATTRIBUTES, Message, read_message
from vbs_reaper.deletion.result import result_id

NOW = ManualClock().now
REQUEST = ask(ONE)
THEN = "2026-11-20T00:00:00+00:00"
CLAIMS = {
    "request_id": "another-request",
    "sent_at": THEN,
    "asked_at": THEN,
    "unanswered_at": THEN,
    "volume_id": VOLUME,
    "purge_run": "nightly/2026-11-20T00-00-00Z",
    "redrives": "3",
}
STRANGER = "AIDASTRANGER"
STRANGERS = [
    "",
    STRANGER,
    "AROASTRANGER:session",
    f"AROASTRANGER:{DELETER}",
    f"x{DELETER}",
    f"{DELETER}x:session",
    DELETER.lower(),
    f" {DELETER}",
    f":{DELETER}",
    "123456789012",
]


def read(attributes: dict[str, str], sender: str = DELETER) -> Message:
    sent_at = NOW - timedelta(hours=1)
    record = sqs_record(REQUEST, "m-1", sent_at=sent_at, attributes=attributes, sender=sender)
    return read_message(record, NOW, {DELETER})


def test_a_record_without_anything_but_its_id_is_a_new_message() -> None:
    message = read_message({"messageId": "m-1"}, NOW)
    assert (message.body, message.receipt_handle, message.receive_count) == ("", "", 1)
    assert (message.sent_at, message.first_sent_at, message.asked_at) == (NOW, NOW, None)
    assert (message.request_id, message.redrives) == ("m-1", 0)


def test_a_record_without_an_id_is_not_one_of_sqs() -> None:
    with pytest.raises(KeyError):
        read_message({"body": "{}"}, NOW)


@pytest.mark.parametrize(
    ("milliseconds", "is_read"), [("9" * 13, True), ("1" + "0" * 13, True), ("1" + "0" * 14, False), ("-1", False)]
)
def test_a_time_of_sending_has_up_to_fourteen_digits_and_a_count_nine(milliseconds: str, is_read: bool) -> None:  # noqa: FBT001
    attributes = {"SentTimestamp": milliseconds, "ApproximateReceiveCount": "1234567890"}
    message = read_message({"messageId": "m", "attributes": attributes}, NOW)
    assert (message.sent_at != NOW) is is_read
    assert message.receive_count == 123456789


def test_its_own_age_counts_from_this_message_and_that_of_the_request_from_the_first() -> None:
    message = read({"sent_at": THEN})
    assert message.sent_at == NOW - timedelta(hours=1)
    assert message.first_sent_at == datetime.fromisoformat(THEN)


identities = st.from_regex(r"[0-9a-f-]{36}(/[0-9a-f-]{36}|/[0-9]{1,3})?", fullmatch=True)


@given(identities, st.datetimes(), st.none() | st.datetimes(), st.integers(0, 99))
def test_attributes_are_read_as_they_were_written(
    request_id: str, sent_at: datetime, asked_at: datetime | None, redrives: int
) -> None:
    texts = {"request_id": request_id, "sent_at": sent_at.replace(tzinfo=UTC).isoformat(), "redrives": str(redrives)}
    if asked_at:
        texts["asked_at"] = asked_at.replace(tzinfo=UTC).isoformat()
    written = read(texts).attributes()
    assert written == {name: text for name, text in texts.items() if (name, text) != ("redrives", "0")}


@pytest.mark.parametrize("strange", ["", "-" * 65, "a b", "a\n", "a/b/c", "\u00e9", f"a/{'f' * 37}"])
def test_a_request_id_that_the_deleter_cannot_have_written_is_ignored(strange: str) -> None:
    assert read({"request_id": strange, "sent_at": THEN}).request_id == "m-1"


@pytest.mark.parametrize("attributes", [{}, {"sent_at": "yesterday"}])
def test_a_producers_own_request_id_is_not_the_identity_of_the_request(attributes: dict[str, str]) -> None:
    """Several messages may carry the same one, and their ends must not be taken for repeats of each other."""
    assert read({"request_id": "22e8d51d-85bb-5ac5-8dc1-627a9d3dfa1d"} | attributes).request_id == "m-1"


@pytest.mark.parametrize("text", ["", "x", VOLUME.upper(), f"{VOLUME}&x=y", f"{VOLUME}\n", "-"])
def test_a_volume_that_is_not_an_id_is_ignored(text: str) -> None:
    assert read({"volume_id": text}).volume_id is None


odd = st.none() | st.text() | st.integers() | st.dictionaries(st.text(), st.text() | st.none() | st.integers())


@given(
    st.fixed_dictionaries(
        {"messageId": st.text(min_size=1)},
        optional={
            "body": st.none() | st.text(),
            "receiptHandle": odd,
            "attributes": st.none()
            | st.fixed_dictionaries({}, optional={"ApproximateReceiveCount": odd, "SentTimestamp": odd}),
            "messageAttributes": st.none()
            | st.fixed_dictionaries(
                {},
                optional={
                    name: odd | st.fixed_dictionaries({"stringValue": odd})
                    for name in ("request_id", "sent_at", "asked_at", "redrives")
                },
            ),
        },
    )
)
def test_whatever_its_attributes_hold_a_message_is_read(record: dict[str, Any]) -> None:
    message = read_message(record, NOW)
    assert message.receive_count >= 1
    assert message.redrives >= 0
    assert all(value.isascii() for value in message.attributes().values()) or message.request_id == message.message_id


# Senders


@pytest.mark.parametrize("sender", [DELETER, f"{DELETER}:", f"{DELETER}:some-session", f"{DELETER}:a:b"])
def test_claims_of_our_roles_are_believed(sender: str) -> None:
    message = read(CLAIMS, sender)
    then = datetime.fromisoformat(THEN)
    assert (message.request_id, message.redrives) == ("another-request", 3)
    assert (message.first_sent_at, message.asked_at, message.unanswered_at) == (then, then, then)
    assert (message.volume_id, message.purge_run) == (VOLUME, CLAIMS["purge_run"])


@pytest.mark.parametrize("sender", STRANGERS)
def test_claims_of_strangers_are_dropped(sender: str) -> None:
    assert read(CLAIMS, sender) == read({}, sender)


@pytest.mark.parametrize(
    ("system", "trusted"),
    [*((system, {DELETER}) for system in ({}, {"SenderId": None}, {"SenderId": 7}, {"SenderId": [DELETER]})), ({}, ())],
)
def test_without_a_readable_or_a_trusted_sender_claims_are_dropped(
    system: dict[str, object], trusted: set[str]
) -> None:
    texts = {name: {"stringValue": value} for name, value in CLAIMS.items()}
    message = read_message({"messageId": "m-1", "attributes": system, "messageAttributes": texts}, NOW, trusted)
    assert message == read_message({"messageId": "m-1"}, NOW, trusted)


@pytest.mark.parametrize("sender", [DELETER, STRANGER])
def test_a_place_is_believed_from_anyone(sender: str) -> None:
    assert read({"place": "p https://somewhere"}, sender).place == "p https://somewhere"


@pytest.mark.parametrize("reason", ["deleting", "halted", "held", "malformed", "asked_elsewhere"])
def test_what_came_back_from_the_dead_letters_has_a_new_identity(reason: str) -> None:
    message = read(CLAIMS | {"reason": reason, "message": "why"})
    assert message.request_id == "m-1"
    assert message.first_sent_at == datetime.fromisoformat(THEN)
    assert result_id(message.request_id, message.redrives) != result_id("another-request", 3)
    assert not {"reason", "message"} & set(message.attributes())
    is_misplaced = reason == "asked_elsewhere"
    assert (message.asked_at is None) is (message.unanswered_at is None) is is_misplaced
    assert (message.volume_id is None) is is_misplaced


def test_each_redrive_has_another_result_id() -> None:
    world = World()
    world.cloud.has(ONE, name="[hold]")
    world.process(REQUEST)
    for message_id in ("m-2", "m-3"):
        world.process(REQUEST, message_id, attributes=world.queue.letters[-1].attributes)
    assert [result.request_id for result in world.bus.results] == ["m-1", "m-2", "m-3"]
    assert len({result.id for result in world.bus.results}) == 3


def test_a_strangers_bulk_gives_its_parts_its_own_identity() -> None:
    world = World()
    world.deliver(world.message({"backup_ids": [ONE, "x"]}, attributes=CLAIMS | {"reason": "held"}, sender=STRANGER))
    assert [set(part.attributes) for part in world.queue.sent] == [{"request_id", "sent_at"}] * 2
    assert [part.attributes["request_id"] for part in world.queue.sent] == [f"m-1/{ONE}", "m-1/1"]


values = st.sampled_from([THEN, "another-request", "m-0", f"m-0/{ONE}", "1", "asked", "deleting"]) | st.text()


@given(
    attributes=st.dictionaries(st.sampled_from([name for name in ATTRIBUTES if name != "place"]), values),
    how=st.fixed_dictionaries(
        {
            "sender": st.sampled_from(STRANGERS),
            "receives": st.integers(1, 3),
            "age": st.sampled_from([timedelta(hours=hours) for hours in (0, 25, 290, 301)]),
        }
    ),
    status=st.sampled_from([None, "available", "deleting", "error", "error_deleting", "held"]),
    is_lost=st.booleans(),
)
def test_no_attributes_of_a_stranger_change_anything(
    attributes: dict[str, str],
    how: dict[str, Any],
    status: str | None,
    is_lost: bool,  # noqa: FBT001
) -> None:
    def run(texts: dict[str, str]) -> tuple[object, ...]:
        world = World()
        if status:
            world.cloud.has(ONE, **({"name": "[hold]"} if status == "held" else {"status": status}))
        if is_lost:
            world.cloud.answers("delete", ONE, answer(AnswerName.TIMED_OUT))
        kept = world.deliver(world.second_delivery(REQUEST, attributes=texts, **how))
        queue, report = world.queue, world.report
        effects = (world.bus.results, queue.letters, queue.sent, queue.hidden)
        return kept, effects, world.cloud.calls, report.decisions

    assert run(attributes) == run({})
