from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config

from tests.integration.event_recorder import EventRecorder
from tests.support.log_lines import LogLines
from tests.support.template_resources import TemplateResources
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.deletion.result import SOURCE, Outcome, Proof, Result, result_id

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"


def result(number: int = 1) -> Result:
    return Result(
        id=result_id(f"r-{number}", 0),
        request_id=f"r-{number}",
        outcome=Outcome.DELETED,
        reason="deleted",
        message="The backup is proven gone.",
        action="Nothing to do.",
        target="otc-prod",
        backup_id=BACKUP,
        proof=Proof(request_id="req-7", status=404, at=NOW),
        request={"backup_id": BACKUP, "reason": "caf\u00e9 \U0001f600"},
    )


@pytest.fixture
def bus(resources: TemplateResources) -> EventBus:
    return EventBus(boto3.client("events"), resources.bus_name, SOURCE)


def test_a_rule_receives_the_result_as_documented(bus: EventBus, recorder: EventRecorder) -> None:
    assert bus.publish([result()])
    (event,) = recorder.events()
    assert event["source"] == "vbs-reaper"
    assert event["detail-type"] == "VBS Backup Deleted"
    assert event["detail"] == {
        "id": result_id("r-1", 0),
        "request_id": "r-1",
        "outcome": "deleted",
        "reason": "deleted",
        "message": "The backup is proven gone.",
        "action": "Nothing to do.",
        "target": "otc-prod",
        "backup_id": BACKUP,
        "proof": {"request_id": "req-7", "status": 404, "at": "2026-11-25T04:00:00Z"},
        "request": {"backup_id": BACKUP, "reason": "caf\u00e9 \U0001f600"},
    }


def test_every_result_of_many_is_delivered(bus: EventBus, recorder: EventRecorder) -> None:
    assert bus.publish([])
    assert bus.publish([result(number) for number in range(23)])
    assert {each["detail"]["request_id"] for each in recorder.events()} == {f"r-{number}" for number in range(23)}


@pytest.mark.usefixtures("aws")
def test_publishing_to_unreachable_eventbridge_returns_false(log_lines: LogLines) -> None:
    events = boto3.client("events", endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1}))
    assert not EventBus(events, "bus", SOURCE).publish([result()])
    assert log_lines.only()["code"] == "EndpointConnectionError"
    assert not EventBus(boto3.client("events"), "no-such-bus", SOURCE).publish([result()])
    assert BACKUP not in log_lines.text()
