from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.deletion.message import read_message

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


def test_a_record_without_anything_but_its_id_is_a_fresh_message() -> None:
    message = read_message({"messageId": "m-1"}, NOW)
    assert (message.body, message.receive_count, message.sent_at, message.request_id) == ("", 1, NOW, "m-1")
    assert (message.asked_at, message.redrives, message.first_sent_at) == (None, 0, NOW)


def test_a_record_without_an_id_is_none_of_sqs() -> None:
    with pytest.raises(KeyError):
        read_message({"body": "{}"}, NOW)


def test_its_own_age_counts_from_this_message_and_the_requests_from_the_first() -> None:
    record = {
        "messageId": "m-2",
        "attributes": {"SentTimestamp": "1764043200000", "ApproximateReceiveCount": "7"},
        "messageAttributes": {"sent_at": {"stringValue": "2025-11-24T04:00:00+00:00"}},
    }
    message = read_message(record, NOW)
    assert message.sent_at == datetime(2025, 11, 25, 4, 0, tzinfo=UTC)
    assert message.first_sent_at == datetime(2025, 11, 24, 4, 0, tzinfo=UTC)
    assert message.receive_count == 7


identities = st.from_regex(r"[0-9a-f-]{36}(/[0-9a-f-]{36}|/[0-9]{1,3})?", fullmatch=True)


@given(identities, st.datetimes(), st.none() | st.datetimes(), st.integers(0, 99))
def test_what_travels_comes_back_as_it_went(
    request_id: str, sent_at: datetime, asked_at: datetime | None, redrives: int
) -> None:
    texts = {"request_id": request_id, "sent_at": sent_at.replace(tzinfo=UTC).isoformat(), "redrives": str(redrives)}
    if asked_at:
        texts["asked_at"] = asked_at.replace(tzinfo=UTC).isoformat()
    record = {
        "messageId": "m-3",
        "messageAttributes": {name: {"stringValue": text} for name, text in texts.items()},
    }
    travelling = read_message(record, NOW).attributes()
    assert travelling == {name: text for name, text in texts.items() if (name, text) != ("redrives", "0")}


def test_a_producers_own_request_id_is_no_identity() -> None:
    """Several messages may carry the same one, and their ends must not be taken for repeats of each other."""
    for attributes in ({}, {"sent_at": {"stringValue": "yesterday"}}):
        own = {"request_id": {"stringValue": "22e8d51d-85bb-5ac5-8dc1-627a9d3dfa1d"}, **attributes}
        assert read_message({"messageId": "m-4", "messageAttributes": own}, NOW).request_id == "m-4"


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
