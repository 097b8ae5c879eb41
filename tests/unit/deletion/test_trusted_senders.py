"""Message attributes are claims: they count only if one of the application's roles has sent the message."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import DELETER
from tests.unit.deletion.world import World, answer, backup_id, sqs_record
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.deletion.decision import AlreadyGone, Deleted
from vbs_reaper.deletion.message import ATTRIBUTES, Message, read_message
from vbs_reaper.deletion.result import result_id

ONE = backup_id(1)
REQUEST = {"backup_id": ONE}
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
THEN = "2026-11-20T00:00:00+00:00"
CLAIMS = {
    "request_id": "another-request",
    "sent_at": THEN,
    "asked_at": THEN,
    "unanswered_at": THEN,
    "volume_id": "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31",
    "purge_run": "nightly/2026-11-20T00-00-00Z",
    "redrives": "3",
}
STRANGERS = [
    "",
    "AIDASTRANGER",
    "AROASTRANGER:session",
    f"AROASTRANGER:{DELETER}",
    f"x{DELETER}",
    f"{DELETER}x:session",
    DELETER.lower(),
    f" {DELETER}",
    f":{DELETER}",
    "123456789012",
]


def read(attributes: dict[str, str], sender: str, **how: Any) -> Message:  # noqa: ANN401  # handed on
    record = sqs_record(REQUEST, "m-1", sent_at=NOW - timedelta(hours=1), attributes=attributes, sender=sender, **how)
    return read_message(record, NOW, {DELETER})


@pytest.mark.parametrize("sender", [DELETER, f"{DELETER}:", f"{DELETER}:some-session", f"{DELETER}:a:b"])
def test_claims_of_our_roles_are_believed(sender: str) -> None:
    message = read(CLAIMS, sender)
    then = datetime.fromisoformat(THEN)
    assert (message.request_id, message.redrives) == ("another-request", 3)
    assert (message.first_sent_at, message.asked_at, message.unanswered_at) == (then, then, then)
    assert message.volume_id == CLAIMS["volume_id"]


@pytest.mark.parametrize("sender", STRANGERS)
def test_claims_of_strangers_are_dropped(sender: str) -> None:
    assert read(CLAIMS, sender) == read({}, sender)


@pytest.mark.parametrize("system", [{}, {"SenderId": None}, {"SenderId": 7}, {"SenderId": [DELETER]}])
def test_without_a_readable_sender_claims_are_dropped(system: dict[str, object]) -> None:
    texts = {name: {"stringValue": value} for name, value in CLAIMS.items()}
    message = read_message({"messageId": "m-1", "attributes": system, "messageAttributes": texts}, NOW, {DELETER})
    assert message == read_message({"messageId": "m-1"}, NOW, {DELETER})


def test_if_no_sender_is_trusted_all_claims_are_dropped() -> None:
    texts = {name: {"stringValue": value} for name, value in CLAIMS.items()}
    message = read_message({"messageId": "m-1", "messageAttributes": texts}, NOW, ())
    assert message == read_message({"messageId": "m-1"}, NOW, ())


@pytest.mark.parametrize("sender", [DELETER, "AIDASTRANGER"])
def test_a_place_is_believed_from_anyone(sender: str) -> None:
    assert read({"place": "p https://somewhere"}, sender).place == "p https://somewhere"


@pytest.mark.parametrize("reason", ["deleting", "halted", "held", "malformed", "anything"])
def test_what_came_back_from_the_dead_letters_has_a_new_identity(reason: str) -> None:
    message = read(CLAIMS | {"reason": reason, "message": "why"}, DELETER)
    assert message.request_id == "m-1"
    assert message.first_sent_at == datetime.fromisoformat(THEN)
    assert message.asked_at == datetime.fromisoformat(THEN)
    assert result_id(message.request_id, message.redrives) != result_id("another-request", 3)


def test_what_is_not_known_of_a_dead_letter_is_not_carried_on() -> None:
    assert not {"reason", "message"} & set(read(CLAIMS | {"reason": "held", "message": "why"}, DELETER).attributes())


def test_each_redrive_has_another_result_id() -> None:
    world = World()
    world.cloud.has(ONE, name="[hold]")
    world.deliver(world.message(REQUEST, "m-1"))
    for number in (2, 3):
        letter = world.queue.letters[-1]
        world.deliver(world.message(REQUEST, f"m-{number}", attributes=letter.attributes))
    assert [result.request_id for result in world.bus.results] == ["m-1", "m-2", "m-3"]
    assert len({result.id for result in world.bus.results}) == 3


def test_a_forged_claim_does_not_turn_already_gone_into_deleted() -> None:
    world = World()
    forged = {"asked_at": THEN, "sent_at": THEN, "request_id": "m-0"}
    world.deliver(
        world.second_delivery(REQUEST, "m-1", attributes=forged, sender="AIDASTRANGER"),
        world.second_delivery(REQUEST, "m-2", attributes=forged),
    )
    assert isinstance(world.report.last("m-1"), AlreadyGone)
    assert isinstance(world.report.last("m-2"), Deleted)
    assert [result.request_id for result in world.bus.results] == ["m-1", "m-0"]


def test_a_strangers_bulk_gives_its_parts_its_own_identity() -> None:
    world = World()
    forged = CLAIMS | {"reason": "held"}
    world.deliver(world.message({"backup_ids": [ONE, "x"]}, attributes=forged, sender="AIDASTRANGER"))
    assert [set(part.attributes) for part in world.queue.sent] == [{"request_id", "sent_at"}] * 2
    assert [part.attributes["request_id"] for part in world.queue.sent] == [f"m-1/{ONE}", "m-1/1"]


values = st.sampled_from([THEN, "another-request", "m-0", f"m-0/{ONE}", "1", "asked", "deleting"]) | st.text()
claims = st.dictionaries(st.sampled_from([name for name in ATTRIBUTES if name != "place"]), values)
settings_of_backup = st.sampled_from([None, "available", "deleting", "error", "error_deleting", "held"])


@given(
    attributes=claims,
    sender=st.sampled_from(STRANGERS),
    status=settings_of_backup,
    receives=st.integers(1, 3),
    hours=st.sampled_from([0, 25, 290, 301]),
    lost=st.booleans(),
)
def test_no_attributes_of_a_stranger_change_anything(
    attributes: dict[str, str],
    sender: str,
    status: str | None,
    receives: int,
    hours: int,
    lost: bool,  # noqa: FBT001
) -> None:
    def run(texts: dict[str, str]) -> tuple[object, ...]:
        world = World()
        if status:
            fields = {"name": "[hold]"} if status == "held" else {"status": status}
            world.cloud.has(ONE, **fields)
        if lost:
            world.cloud.answers("delete", ONE, answer(AnswerName.TIMED_OUT))
        sent_at = world.clock() - timedelta(hours=hours)
        kept = world.deliver(
            world.second_delivery(REQUEST, attributes=texts, sender=sender, receives=receives, sent_at=sent_at)
        )
        return (
            kept,
            world.bus.results,
            world.queue.letters,
            world.queue.sent,
            world.queue.hidden,
            world.cloud.calls,
            world.report.decisions,
        )

    assert run(attributes) == run({})
