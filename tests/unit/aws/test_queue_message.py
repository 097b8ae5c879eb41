import json
from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.aws.queue_message import ATTRIBUTES_LIMIT, queue_entry
from vbs_reaper.backups.answer import PLACE_LIMIT, place_of
from vbs_reaper.deletion.message import ATTRIBUTES, NewMessage

ANYTHING = st.text(st.characters(), max_size=600)
LETTER = st.fixed_dictionaries(
    dict.fromkeys(("reason", "message", "request_id", "sent_at"), ANYTHING),
    optional=dict.fromkeys(("asked_at", "unanswered_at", "place", "redrives"), ANYTHING),
)


def attributes_of(texts: Mapping[str, str], body: str = "{}") -> dict[str, str]:
    entry = queue_entry(NewMessage(body=body, attributes=texts))
    return {name: value["StringValue"] for name, value in entry["MessageAttributes"].items()}


def size_of(attributes: Mapping[str, str]) -> int:
    """Return the size as SQS computes it."""
    return sum(len(name) + len("String") + len(value) for name, value in attributes.items())


def body_of(body: str) -> str:
    return queue_entry(NewMessage(body=body))["MessageBody"]


def is_accepted_by_sqs(text: str) -> bool:
    """Return whether SQS accepts a body (SendMessage, "MessageBody": characters of XML 1.0)."""
    return bool(text) and all(
        char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char >= "\U00010000"
        for char in text
    )


@given(LETTER)
def test_attributes_are_printable_ascii_and_never_empty(texts: dict[str, str]) -> None:
    for value in attributes_of(texts).values():
        assert value
        assert all(" " <= char <= "~" for char in value)


@given(LETTER)
def test_attributes_stay_together_below_one_kibibyte(texts: dict[str, str]) -> None:
    assert size_of(attributes_of(texts)) <= ATTRIBUTES_LIMIT


def test_only_a_long_message_is_truncated() -> None:
    texts = {"reason": "malformed", "message": "x" * 5000, "request_id": "r" * 73, "sent_at": "2026-11-25T04:00:00Z"}
    cut = attributes_of(texts)
    assert cut | {"message": ""} == texts | {"message": ""}
    assert size_of(cut) == ATTRIBUTES_LIMIT


@pytest.mark.parametrize("length", [1, 200, 215, 216, 300, 343, 344, 2000])
def test_a_place_is_never_changed(length: int) -> None:
    """The deleter compares places, so a truncated one would be another place, where nothing counts as gone."""
    place = place_of("5a1e0c7b9d3f4826a0b4c6d8e2f01357", "https://" + "a" * length)
    assert len(place) <= PLACE_LIMIT
    assert attributes_of({"place": place}) == {"place": place}


def test_a_dead_letter_with_every_attribute_at_its_longest_keeps_all_but_its_message() -> None:
    instant = "2026-11-25T04:00:00.123456+00:00"
    texts = {
        "request_id": f"{'0' * 36}/{'0' * 36}",
        "sent_at": instant,
        "asked_at": instant,
        "unanswered_at": instant,
        "place": "x" * PLACE_LIMIT,
        "volume_id": "0" * 36,
        "purge_run": f"{'p' * 63}/{'0' * 36}",
        "redrives": "9" * 9,
        "reason": "administrator_refused",
        "message": "x" * 5000,
    }
    assert set(texts) == set(ATTRIBUTES)
    sent = attributes_of(texts)
    assert sent | {"message": ""} == texts | {"message": ""}
    assert size_of(sent) == ATTRIBUTES_LIMIT
    assert len(sent["message"]) >= 200


def test_a_message_that_fits_is_unchanged() -> None:
    texts = {"reason": "held", "message": "The backup is on hold: its name says so"}
    assert attributes_of(texts) == texts


def test_characters_that_are_not_printable_ascii_are_escaped() -> None:
    assert attributes_of({"message": "caf\u00e9\n"}) == {"message": "caf\\xe9\\n"}


def test_an_empty_attribute_becomes_a_dash() -> None:
    assert attributes_of({"message": "", "reason": ""}) == {"message": "-", "reason": "-"}


@given(st.text(st.characters(), max_size=200))
def test_a_body_is_always_accepted_by_sqs(body: str) -> None:
    assert is_accepted_by_sqs(body_of(body))


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(is_accepted_by_sqs))
def test_a_body_that_sqs_accepts_is_unchanged(body: str) -> None:
    assert body_of(body) == body


@given(st.text(st.characters(codec="utf-8")))
def test_an_escaped_json_body_has_the_same_value(text: str) -> None:
    body = json.dumps({"reason": text}, ensure_ascii=False)
    assert json.loads(body_of(body)) == {"reason": text}


def test_an_escaped_or_empty_body_is_mentioned_in_the_message() -> None:
    assert attributes_of({"message": "why"}, "\x00") == {
        "message": "(characters of the body that SQS rejects are escaped) why"
    }
    assert attributes_of({"message": "why"}, "") == {"message": "(the body was empty) why"}


def test_a_message_without_a_group_has_no_group_id() -> None:
    assert "MessageGroupId" not in queue_entry(NewMessage(body="{}"))
    assert "MessageGroupId" not in queue_entry(NewMessage(body="{}", group=""))


def test_group_and_delay_are_parameters_of_the_message() -> None:
    entry = queue_entry(NewMessage(body="{}", group="otc-prod", delay_s=47))
    assert (entry["MessageGroupId"], entry["DelaySeconds"]) == ("otc-prod", 47)
