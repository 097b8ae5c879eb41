"""Every way in ends in the right deletion and one result event id; what is there to paste does what it says."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.bus_stack import add_backup, default_target, deletes_sent, ear, letters_of, stack, wait_until_empty
from tests.e2e.command_line import run
from tests.e2e.conftest import WITHIN_S
from tests.e2e.ear import Ear
from tests.e2e.examples import EXAMPLES, SAMPLE_ID, deploy, queue_arn
from tests.infrastructure.schemas.messages import EVENTS
from tests.infrastructure.schemas.validator import complaints
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from vbs_reaper.deletion.result import result_id

__all__ = ["default_target", "ear", "stack"]

FILE_NAMES = {event.detail_type: event.file_name for event in EVENTS}


def by_queue(stack: LocalStack, backup_id: str) -> None:
    run(stack.aws, stack.outputs["SendRequestCommand"].replace(SAMPLE_ID, backup_id))


def by_bulk(stack: LocalStack, backup_id: str) -> None:
    stack.send({"backup_ids": [backup_id, "not-an-id"]})


def by_bus(stack: LocalStack, backup_id: str) -> None:
    example = json.loads((EXAMPLES / "put_events.json").read_text().replace(SAMPLE_ID, backup_id))
    answer = run(stack.aws, f"aws events put-events --entries '{json.dumps(example)}'")
    assert not answer["FailedEntryCount"]


def by_sns_wrapped(stack: LocalStack, backup_id: str) -> None:
    publish(stack, "allowed-wrapped", backup_id, RawMessageDelivery="false")


def by_sns_raw(stack: LocalStack, backup_id: str) -> None:
    publish(stack, "allowed-raw", backup_id)


def by_cloudevent(stack: LocalStack, backup_id: str) -> None:
    event = {"specversion": "1.0", "id": "c-1", "source": "/example", "type": "t", "data": {"backup_id": backup_id}}
    stack.send(event)


def by_one_time_schedule(stack: LocalStack, backup_id: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    command = stack.outputs["ScheduleRequestCommand"].replace(SAMPLE_ID, backup_id)
    run(stack.aws, command.replace("2030-01-01T02:00:00", f"{soon:%Y-%m-%dT%H:%M:%S}"))


def by_direct_invocation(stack: LocalStack, backup_id: str) -> None:
    assert stack.invoke({"backup_id": backup_id})["outcome"] == "queued"


def publish(stack: LocalStack, name: str, backup_id: str, **parameters: str) -> None:
    """Make the topic of the example, and publish a request there."""
    arns = {f"{queue}QueueArn": queue_arn(stack, queue) for queue in ("Delete", "DeadLetter")}
    topic = deploy(stack, name, "sns_topic.yaml", **arns, **parameters)["TopicArn"]
    stack.aws.client("sns").publish(TopicArn=topic, Message=json.dumps({"backup_id": backup_id}))


WAYS: Mapping[str, Callable[[LocalStack, str], None]] = {
    "queue": by_queue,
    "bulk": by_bulk,
    "bus": by_bus,
    "SNS, wrapped": by_sns_wrapped,
    "SNS, raw": by_sns_raw,
    "CloudEvent": by_cloudevent,
    "one-time schedule": by_one_time_schedule,
    "direct invocation": by_direct_invocation,
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_in_ends_in_the_right_deletion_and_one_event_id(
    stack: LocalStack, cloud: Cloud, ear: Ear, way: str
) -> None:
    backup_id, neighbour = add_backup(cloud), add_backup(cloud)
    WAYS[way](stack, backup_id)
    end = ear.hear("detail", backup_id, within_s=WITHIN_S)
    assert end["detail-type"] == "VBS Backup Deleted"
    assert end["detail"]["id"] == result_id(end["detail"]["request_id"], 0)
    assert complaints(FILE_NAMES[end["detail-type"]], end) == []
    assert cloud.journal.is_gone(backup_id)
    assert deletes_sent(cloud) == {backup_id: 1}
    assert cloud.status_of(neighbour) == "available"
    wait_until_empty(stack)
    assert {each["id"] for each in about(ear, backup_id)} == {end["detail"]["id"]}


def test_a_one_time_schedule_removes_itself(stack: LocalStack, cloud: Cloud, ear: Ear) -> None:
    backup_id = add_backup(cloud)
    by_one_time_schedule(stack, backup_id)
    ear.hear("detail", backup_id, within_s=WITHIN_S)
    scheduler = stack.aws.client("scheduler")
    own = scheduler.list_schedules(NamePrefix="delete-")  # as the command names it; the stack has schedules too
    assert len(own["Schedules"]) <= 1
    wait_until("it is gone", lambda: not scheduler.list_schedules(NamePrefix="delete-")["Schedules"], within_s=WITHIN_S)


def test_an_element_of_a_bulk_that_is_no_id_is_refused_alone(stack: LocalStack, cloud: Cloud, ear: Ear) -> None:
    backup_ids = [add_backup(cloud) for _ in range(12)]
    parent = stack.send({"backup_ids": [*backup_ids[:5], "not-an-id", *backup_ids[5:]]})
    ends = {ear.hear("detail", backup_id, within_s=WITHIN_S)["detail"]["id"]: backup_id for backup_id in backup_ids}
    assert ends == {result_id(f"{parent}/{backup_id}", 0): backup_id for backup_id in backup_ids}
    wait_until_empty(stack)
    (refused,) = (each["detail"] for each in ear.heard() if each["detail"]["request_id"] == f"{parent}/5")
    assert refused["reason"] == "malformed"
    assert letters_of(stack, f"{parent}/5") == 1
    assert letters_of(stack, parent) == 0


def test_a_topic_that_nobody_allowed_reaches_nothing(stack: LocalStack, cloud: Cloud, ear: Ear) -> None:
    spared, asked = add_backup(cloud), add_backup(cloud)
    publish(stack, "stranger", spared)
    publish(stack, "allowed-later", asked)
    ear.hear("detail", asked, within_s=WITHIN_S)
    assert cloud.status_of(spared) == "available"
    assert not about(ear, spared)


def about(ear: Ear, backup_id: str) -> list[dict[str, Any]]:
    """The details of every event so far that tells of a backup."""
    return [each["detail"] for each in ear.heard() if each["detail"].get("backup_id") == backup_id]
