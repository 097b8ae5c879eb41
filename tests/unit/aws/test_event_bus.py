"""Responses of EventBridge with failed entries, which no emulator returns."""

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.stub import ANY, Stubber

from tests.support.doubles import ManualClock
from tests.support.log_lines import LogLines
from vbs_reaper.aws.batches import TRIES
from vbs_reaper.aws.event_bus import RECHECK_AFTER_S, EventBus
from vbs_reaper.deletion.result import DETAIL_TYPES, SOURCE, Outcome, Result, result_id

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

BUS = "reaper-EventBus"
TAKEN = {"EventId": "e-1"}
TURNED_AWAY = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}


@pytest.fixture
def bus(events: "EventBridgeClient", events_stub: Stubber) -> EventBus:
    events_stub.add_response("describe_event_bus", {"Name": BUS}, {"Name": BUS})
    return EventBus(events, BUS, SOURCE)


def result(number: int = 1, outcome: Outcome = Outcome.DELETED) -> Result:
    return Result(
        id=result_id(f"r-{number}", 0),
        request_id=f"r-{number}",
        outcome=outcome,
        reason=outcome.value,
        message="It is so.",
        action="Nothing to do.",
    )


def put(*results: Result) -> dict[str, Any]:
    entries = [
        {"EventBusName": BUS, "Source": "vbs-reaper", "DetailType": DETAIL_TYPES[each.outcome], "Detail": ANY}
        for each in results
    ]
    return {"Entries": entries}


@pytest.mark.parametrize("outcome", DETAIL_TYPES)
def test_every_end_has_its_detail_type(bus: EventBus, events_stub: Stubber, outcome: Outcome) -> None:
    events_stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [TAKEN]}, put(result(outcome=outcome)))
    assert bus.publish([result(outcome=outcome)])


def test_the_detail_is_the_result_as_json(events: "EventBridgeClient", bus: EventBus, events_stub: Stubber) -> None:
    details: list[dict[str, Any]] = []
    events.meta.events.register(
        "provide-client-params.events.PutEvents",
        lambda params, **_: details.extend(json.loads(entry["Detail"]) for entry in params["Entries"]),
    )
    events_stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [TAKEN]})
    bus.publish([result()])
    assert details == [
        {
            "id": result_id("r-1", 0),
            "request_id": "r-1",
            "outcome": "deleted",
            "reason": "deleted",
            "message": "It is so.",
            "action": "Nothing to do.",
        }
    ]


def test_only_failed_entries_are_sent_again(bus: EventBus, events_stub: Stubber) -> None:
    one, two = result(1), result(2, Outcome.REFUSED)
    events_stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [TAKEN, TURNED_AWAY]}, put(one, two))
    events_stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [TAKEN]}, put(two))
    assert bus.publish([one, two])


def test_publishing_returns_false_if_an_entry_always_fails(
    bus: EventBus, events_stub: Stubber, log_lines: LogLines
) -> None:
    for _ in range(TRIES):
        events_stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [TURNED_AWAY]})
    assert not bus.publish([result()])
    assert log_lines.only().items() >= {"message": "event not published", "code": "ThrottlingException"}.items()


def test_publishing_returns_false_and_logs_the_code_if_eventbridge_rejects_the_call(
    bus: EventBus, events_stub: Stubber, log_lines: LogLines
) -> None:
    events_stub.add_client_error("put_events", "AccessDeniedException", "User alice is not authorized")
    assert not bus.publish([result()])
    assert log_lines.only().items() >= {"message": "events not published", "code": "AccessDeniedException"}.items()
    assert "alice" not in log_lines.text()


# PutEvents accepts events for a bus that does not exist, so the deleter checks the bus first.

ONE_TAKEN = {"FailedEntryCount": 0, "Entries": [TAKEN]}


@pytest.fixture
def unchecked(events: "EventBridgeClient", clock: ManualClock) -> EventBus:
    return EventBus(events, BUS, SOURCE, lambda: clock.now.timestamp())


def test_an_existing_bus_is_checked_once_and_gets_the_results(unchecked: EventBus, events_stub: Stubber) -> None:
    events_stub.add_response("describe_event_bus", {"Name": BUS}, {"Name": BUS})
    events_stub.add_response("put_events", ONE_TAKEN)
    events_stub.add_response("put_events", ONE_TAKEN)
    assert unchecked.publish([result()])
    assert unchecked.publish([result()])


def test_nothing_is_published_to_a_missing_bus_and_the_log_says_what_to_do(
    unchecked: EventBus, events_stub: Stubber, log_lines: LogLines
) -> None:
    events_stub.add_client_error("describe_event_bus", "ResourceNotFoundException")
    assert not unchecked.publish([result()])
    assert log_lines.only()["message"].startswith("event bus not found: ")
    events_stub.add_response("describe_event_bus", {"Name": BUS})
    events_stub.add_response("put_events", ONE_TAKEN)
    assert unchecked.publish([result()])


class Announcement(msgspec.Struct):
    policy: str


def test_announcements_require_the_bus_too(unchecked: EventBus, events_stub: Stubber) -> None:
    events_stub.add_client_error("describe_event_bus", "ResourceNotFoundException")
    assert not unchecked.announce("VBS Purge Planned", [Announcement("nightly")])
    events_stub.add_response("describe_event_bus", {"Name": BUS})
    events_stub.add_response("put_events", ONE_TAKEN)
    assert unchecked.announce("VBS Purge Planned", [Announcement("nightly")])


def test_a_deleted_bus_is_detected_within_minutes(
    unchecked: EventBus, events_stub: Stubber, clock: ManualClock
) -> None:
    events_stub.add_response("describe_event_bus", {"Name": BUS})
    events_stub.add_response("put_events", ONE_TAKEN)
    assert unchecked.publish([result()])
    clock.advance(RECHECK_AFTER_S)
    events_stub.add_client_error("describe_event_bus", "ResourceNotFoundException")
    assert not unchecked.publish([result()])


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalException"])
def test_results_are_published_if_the_check_of_the_bus_fails(
    unchecked: EventBus, events_stub: Stubber, code: str
) -> None:
    events_stub.add_client_error("describe_event_bus", code)
    events_stub.add_response("put_events", ONE_TAKEN)
    assert unchecked.publish([result()])
