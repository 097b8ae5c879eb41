"""Each way to send a request leads to one deletion, and every end is published, also after an outage."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests.e2e.command_line import run
from tests.e2e.conftest import WITHIN_S
from tests.e2e.event_recorder import EventRecorder
from tests.e2e.examples import EXAMPLES, SAMPLE_ID, deploy, queue_arn
from tests.e2e.stack_faults import bus_down
from tests.infrastructure.schemas.messages import EVENTS
from tests.infrastructure.schemas.validator import validation_errors
from tests.support.local.deployment import STACK_NAME
from tests.support.local.fixtures import started_stack
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation
from vbs_reaper.cli.bus_rules import rules_of_others
from vbs_reaper.deletion.result import SOURCE, result_id

ALLOWED_TOPICS = "arn:aws:sns:eu-central-1:000000000000:allowed-*"


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    """A separate stack that accepts requests from topics and two sources; its bus has no events of other tests."""
    with started_stack(AllowedSourceArns=ALLOWED_TOPICS, AllowedEventSources="other,example.housekeeping") as stack:
        yield stack


@pytest.fixture(scope="module")
def recorder(stack: LocalStack) -> EventRecorder:
    return EventRecorder.for_pattern(stack, "recorder", {"source": [SOURCE]})


@pytest.fixture(autouse=True)
def default_target(stack: LocalStack, cloud: Cloud) -> None:
    """Store the default target: the pasted commands name none."""
    stack.store_secret("default", cloud.target_secret())


def add_backup(cloud: Cloud, name: str = "daily") -> str:
    """Add a backup with a unique ID, because the tests share one bus and one queue."""
    return cloud.add_backup(id=str(uuid4()), name=name)


def deletes_sent(cloud: Cloud) -> dict[str | None, int]:
    """Return how many DELETEs were sent for each backup, accepted or not."""
    return dict(Counter(call.backup_id for call in cloud.journal.calls_of(Operation.DELETE)))


def count_dead_letters(stack: LocalStack, request_id: str) -> int:
    """Return how many dead letters a request has."""
    return sum(letter.request_id == request_id for letter in stack.dead_letters())


def wait_until_empty(stack: LocalStack) -> None:
    """Wait until the delete queue contains no message, visible or not."""
    wait_until("the queue is empty", lambda: not stack.depth().total, within_s=WITHIN_S)


# The ways to send a request

FILE_NAMES = {event.detail_type: event.file_name for event in EVENTS}


def by_queue(stack: LocalStack, backup_id: str) -> None:
    run(stack.aws, stack.outputs["SendRequestCommand"].replace(SAMPLE_ID, backup_id))


def by_bulk(stack: LocalStack, backup_id: str) -> None:
    stack.send({"backup_ids": [backup_id, "not-an-id"]})


def by_bus(stack: LocalStack, backup_id: str, **changes: str) -> None:
    (entry,) = json.loads((EXAMPLES / "put_events.json").read_text().replace(SAMPLE_ID, backup_id))
    example = [entry | changes]
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
    """Create the topic of the example, and publish a request to it."""
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
def test_every_way_to_send_leads_to_the_right_deletion_and_one_event_id(
    stack: LocalStack, cloud: Cloud, recorder: EventRecorder, way: str
) -> None:
    backup_id, neighbour = add_backup(cloud), add_backup(cloud)
    WAYS[way](stack, backup_id)
    end = recorder.wait_for("detail", backup_id, within_s=WITHIN_S)
    assert end["detail-type"] == "VBS Backup Deleted"
    assert end["detail"]["id"] == result_id(end["detail"]["request_id"], 0)
    assert validation_errors(FILE_NAMES[end["detail-type"]], end) == []
    assert cloud.journal.is_gone(backup_id)
    assert deletes_sent(cloud) == {backup_id: 1}
    assert cloud.status_of(neighbour) == "available"
    wait_until_empty(stack)
    assert {each["id"] for each in about(recorder, backup_id)} == {end["detail"]["id"]}


def test_an_event_of_a_source_that_is_not_allowed_is_ignored(
    stack: LocalStack, cloud: Cloud, recorder: EventRecorder
) -> None:
    ignored, wanted = add_backup(cloud), add_backup(cloud)
    by_bus(stack, ignored, Source="example.intruder")
    by_bus(stack, wanted)
    recorder.wait_for("detail", wanted, within_s=WITHIN_S)
    wait_until_empty(stack)
    assert cloud.status_of(ignored) == "available"
    assert deletes_sent(cloud) == {wanted: 1}


def test_rules_of_others_are_found_before_the_stack_is_removed(
    stack: LocalStack, recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "client", stack.aws.client)
    bus, names = rules_of_others(STACK_NAME)
    assert bus == stack.outputs["EventBusName"]
    assert "recorder" in names
    (own,) = {rule["Name"] for rule in stack.aws.client("events").list_rules(EventBusName=bus)["Rules"]} - {*names}
    assert "DeleteRequestedRule" in own


def test_a_one_time_schedule_deletes_itself(stack: LocalStack, cloud: Cloud, recorder: EventRecorder) -> None:
    backup_id = add_backup(cloud)
    by_one_time_schedule(stack, backup_id)
    recorder.wait_for("detail", backup_id, within_s=WITHIN_S)
    scheduler = stack.aws.client("scheduler")
    own = scheduler.list_schedules(NamePrefix="delete-")  # the prefix in the command; the stack has schedules too
    assert len(own["Schedules"]) <= 1
    wait_until("it is gone", lambda: not scheduler.list_schedules(NamePrefix="delete-")["Schedules"], within_s=WITHIN_S)


def test_only_a_malformed_id_in_a_bulk_is_refused(stack: LocalStack, cloud: Cloud, recorder: EventRecorder) -> None:
    backup_ids = [add_backup(cloud) for _ in range(12)]
    parent = stack.send({"backup_ids": [*backup_ids[:5], "not-an-id", *backup_ids[5:]]})
    ends = {
        recorder.wait_for("detail", backup_id, within_s=WITHIN_S)["detail"]["id"]: backup_id for backup_id in backup_ids
    }
    assert ends == {result_id(f"{parent}/{backup_id}", 0): backup_id for backup_id in backup_ids}
    wait_until_empty(stack)
    (refused,) = (each["detail"] for each in recorder.events() if each["detail"]["request_id"] == f"{parent}/5")
    assert refused["reason"] == "malformed"
    assert count_dead_letters(stack, f"{parent}/5") == 1
    assert count_dead_letters(stack, parent) == 0


def test_a_message_of_a_topic_that_is_not_allowed_is_ignored(
    stack: LocalStack, cloud: Cloud, recorder: EventRecorder
) -> None:
    spared, asked = add_backup(cloud), add_backup(cloud)
    publish(stack, "stranger", spared)
    publish(stack, "allowed-later", asked)
    recorder.wait_for("detail", asked, within_s=WITHIN_S)
    assert cloud.status_of(spared) == "available"
    assert not about(recorder, spared)


def about(recorder: EventRecorder, backup_id: str) -> list[dict[str, Any]]:
    """Return the details of every event so far about a backup."""
    return [each["detail"] for each in recorder.events() if each["detail"].get("backup_id") == backup_id]


# The results


def test_the_pattern_matches_only_what_needs_a_person(stack: LocalStack, cloud: Cloud, recorder: EventRecorder) -> None:
    person = EventRecorder.for_pattern(stack, "person", json.loads((EXAMPLES / "needs_a_person.json").read_text()))
    good, held = add_backup(cloud), add_backup(cloud, name="[hold] audit")
    stack.send_all([{"backup_id": good}, {"backup_id": held}])
    recorder.wait_for("detail", good, within_s=WITHIN_S)
    assert person.wait_for("detail", held, within_s=WITHIN_S)["detail-type"] == "VBS Backup Delete Refused"
    assert len(person.events()) == 1


def test_a_rule_turns_results_into_cloudevents(stack: LocalStack, cloud: Cloud) -> None:
    outputs = deploy(stack, "cloudevents", "results_as_cloudevents.yaml", EventBusName=stack.outputs["EventBusName"])
    cloudevents = EventRecorder(stack, outputs["CloudEventsQueueUrl"])
    good, held = add_backup(cloud), add_backup(cloud, name='[hold] "audit", <2026>')
    request_ids = stack.send_all([{"backup_id": good}, {"backup_id": held, "reason": 'he said "now"'}])
    for backup_id, request_id, kind in zip(
        (good, held), request_ids, ("VBS Backup Deleted", "VBS Backup Delete Refused"), strict=True
    ):
        event = cloudevents.wait_for("data", backup_id, within_s=WITHIN_S)
        assert event["specversion"] == "1.0"
        assert event["id"] == event["data"]["id"] == result_id(request_id, 0)
        assert event["source"] == SOURCE
        assert event["type"] == kind
        assert datetime.fromisoformat(event["time"]).tzinfo
        assert event["datacontenttype"] == "application/json"


def test_an_outage_of_the_bus_loses_no_end_and_repeats_no_deletion(
    stack: LocalStack, cloud: Cloud, recorder: EventRecorder
) -> None:
    good, never, held = [add_backup(cloud) for _ in range(6)], str(uuid4()), add_backup(cloud, name="[hold] audit")
    bodies = [json.dumps({"backup_id": each}) for each in [*good, never, held]] + ["{"]
    with bus_down(stack):
        request_ids = stack.send_all(bodies)
        wait_until("no end could be published", lambda: not_published(stack) >= {*request_ids}, within_s=WITHIN_S)
        assert not ends_of(recorder, request_ids)
        assert not any(count_dead_letters(stack, request_id) for request_id in request_ids)
    wait_until("every end is published", lambda: len(ends_of(recorder, request_ids)) == len(bodies), within_s=WITHIN_S)
    wait_until_empty(stack)
    outcomes = Counter(outcome for _, outcome in ends_of(recorder, request_ids))
    assert outcomes == {"deleted": 6, "already_gone": 1, "refused": 2}
    assert {end_id for end_id, _ in ends_of(recorder, request_ids)} == {result_id(each, 0) for each in request_ids}
    assert deletes_sent(cloud) == dict.fromkeys(good, 1)
    assert [count_dead_letters(stack, request_id) for request_id in request_ids] == [0] * 7 + [1, 1]


def not_published(stack: LocalStack) -> set[str]:
    """Return the IDs of requests with an end that could not be published."""
    return {line["request_id"] for line in stack.log().documents() if line.get("reason") == "unheard"}


def ends_of(recorder: EventRecorder, request_ids: list[str]) -> set[tuple[str, str]]:
    """Return ID and outcome of every published end of these requests, without duplicates."""
    details = [each["detail"] for each in recorder.events()]
    return {(each["id"], each["outcome"]) for each in details if each["request_id"] in request_ids}
