"""PutEvents takes events for a bus that does not exist: so the bus is looked for first."""

from typing import TYPE_CHECKING

import msgspec
import pytest
from botocore.stub import Stubber

from tests.support.doubles import ManualClock
from tests.support.log_lines import LogLines
from vbs_reaper.aws.event_bus import RECHECK_AFTER_S, EventBus
from vbs_reaper.deletion.result import SOURCE, Outcome, Result, result_id

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

BUS = "reaper"
TAKEN = {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]}
RESULT = Result(
    id=result_id("r-1", 0),
    request_id="r-1",
    outcome=Outcome.DELETED,
    reason="deleted",
    message="It is so.",
    action="Nothing to do.",
)


@pytest.fixture
def bus(events: "EventBridgeClient", clock: ManualClock) -> EventBus:
    return EventBus(events, BUS, SOURCE, lambda: clock.now.timestamp())


def test_a_bus_that_is_there_is_looked_for_once_and_takes_the_results(bus: EventBus, events_say: Stubber) -> None:
    events_say.add_response("describe_event_bus", {"Name": BUS}, {"Name": BUS})
    events_say.add_response("put_events", TAKEN)
    events_say.add_response("put_events", TAKEN)
    assert bus.publish([RESULT])
    assert bus.publish([RESULT])


def test_a_bus_that_is_not_there_takes_nothing_and_says_what_to_do(
    bus: EventBus, events_say: Stubber, log_lines: LogLines
) -> None:
    events_say.add_client_error("describe_event_bus", "ResourceNotFoundException")
    assert not bus.publish([RESULT])
    assert log_lines.only()["message"].startswith("event bus not found: ")


class Heard(msgspec.Struct):
    policy: str


def test_what_is_announced_needs_the_bus_too(bus: EventBus, events_say: Stubber) -> None:
    events_say.add_client_error("describe_event_bus", "ResourceNotFoundException")
    assert not bus.announce("VBS Purge Planned", [Heard("nightly")])
    events_say.add_response("describe_event_bus", {"Name": BUS})
    events_say.add_response("put_events", TAKEN)
    assert bus.announce("VBS Purge Planned", [Heard("nightly")])


def test_a_bus_that_came_back_takes_the_results(bus: EventBus, events_say: Stubber) -> None:
    events_say.add_client_error("describe_event_bus", "ResourceNotFoundException")
    assert not bus.publish([RESULT])
    events_say.add_response("describe_event_bus", {"Name": BUS})
    events_say.add_response("put_events", TAKEN)
    assert bus.publish([RESULT])


def test_a_bus_that_went_away_is_noticed_within_minutes(bus: EventBus, events_say: Stubber, clock: ManualClock) -> None:
    events_say.add_response("describe_event_bus", {"Name": BUS})
    events_say.add_response("put_events", TAKEN)
    assert bus.publish([RESULT])
    clock.advance(RECHECK_AFTER_S)
    events_say.add_client_error("describe_event_bus", "ResourceNotFoundException")
    assert not bus.publish([RESULT])


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalException"])
def test_a_look_that_fails_leaves_the_judgement_to_the_bus(bus: EventBus, events_say: Stubber, code: str) -> None:
    events_say.add_client_error("describe_event_bus", code)
    events_say.add_response("put_events", TAKEN)
    assert bus.publish([RESULT])
