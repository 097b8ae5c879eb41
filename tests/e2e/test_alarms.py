"""Alarms about what the deployed stack records: raised by a fault, cleared when it is repaired.

The local stack evaluates no alarms and publishes few metrics of AWS. So the metrics are read from the logs of the
functions and the attributes of the queues, and `alarm_state` evaluates the alarms of the template.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.desk import Desk
from tests.infrastructure.alarm_state import Period, state
from tests.infrastructure.rendered import Properties, Rendered
from tests.infrastructure.test_alarms import first_command, metrics_of
from tests.support.local.deployment import STACK_NAME
from tests.support.local.fixtures import WITHIN_S, is_empty
from tests.support.local.function_log import Sample
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud

SCHEDULED = {"scheduled_time": "2026-11-28T03:00:00Z"}


@pytest.fixture
def desk(stack: LocalStack, tmp_path: Path) -> Desk:
    return Desk(stack, tmp_path)


@pytest.fixture
def alarms(stack: LocalStack) -> dict[str, Properties]:
    """The alarms as they are deployed, with the names of the local stack."""
    queues = {f"${{{name}Queue.QueueName}}": stack.outputs[f"{name}QueueUrl"] for name in ("Delete", "DeadLetter")}
    found = Rendered({"AWS::StackName": STACK_NAME}).every("CloudWatch::Alarm")
    for metric in (metric for alarm in found.values() for metric in metrics_of(alarm)):
        for each in metric.get("Dimensions", []):
            each["Value"] = queues.get(each["Value"], each["Value"]).rpartition("/")[2]
    return found


def recorded(stack: LocalStack, since: datetime) -> Period:
    """What the functions have recorded."""
    return [sample for function in ("Deleter", "Checker") for sample in stack.log(function).samples(since)]


def of_queue(stack: LocalStack, queue: str, name: str, value: float) -> Sample:
    dimensions = {"QueueName": stack.outputs[f"{queue}QueueUrl"].rpartition("/")[2]}
    return Sample(namespace="AWS/SQS", name=name, dimensions=dimensions, value=value)


def depth(stack: LocalStack, queue: str, received: int = 0) -> Period:
    """What AWS/SQS would publish of a queue now."""
    return [
        of_queue(stack, queue, "ApproximateNumberOfMessagesVisible", stack.depth(queue).visible),
        of_queue(stack, queue, "NumberOfMessagesReceived", received),
    ]


def scheduled_check(stack: LocalStack, target: str) -> Period:
    before = datetime.now(UTC)
    stack.invoke({"targets": [target], **SCHEDULED}, function="Checker")
    wait_until("the check is logged", lambda: stack.log("Checker").samples(before), within_s=WITHIN_S)
    return stack.log("Checker").samples(before)


def is_on(alarm: Properties, periods: Sequence[Period], before: str = "OK") -> bool:
    return state(alarm, periods, before) == "ALARM"


def test_wrong_password_rings_and_a_repaired_one_clears_it(
    stack: LocalStack, cloud: Cloud, target: str, began: datetime, alarms: dict[str, Properties]
) -> None:
    backup_id, alarm = cloud.add_backup(), alarms["TargetUnhealthyAlarm"]
    secret = cloud.target_secret()
    stack.store_secret(target, secret | {"auth": secret["auth"] | {"password": "not this one"}})
    stack.send({"backup_id": backup_id, "target": target})
    wait_until("the alarm is raised", lambda: is_on(alarm, [recorded(stack, began)]), within_s=WITHIN_S)
    assert not is_on(alarms["StackUnhealthyAlarm"], [recorded(stack, began)])
    wrong = scheduled_check(stack, target)
    assert is_on(alarm, [wrong, (), ()])

    stack.store_secret(target, secret)
    wait_until("the request ends", lambda: cloud.status_of(backup_id) is None, within_s=WITHIN_S)
    repaired = scheduled_check(stack, target)
    assert is_on(alarm, [wrong, *12 * [()]], before="ALARM")
    assert not is_on(alarm, [wrong, *11 * [()], repaired], before="ALARM")


def test_queue_that_nobody_reads_rings_and_its_first_command_says_why(
    desk: Desk, stack: LocalStack, cloud: Cloud, target: str, alarms: dict[str, Properties]
) -> None:
    backup_id, alarm = cloud.add_backup(), alarms["DeleterIdleAlarm"]
    try:
        assert desk.run("pause")[0] == 0
        assert not is_on(alarm, 12 * [depth(stack, "Delete")])
        stack.send({"backup_id": backup_id, "target": target})
        waiting = depth(stack, "Delete")
        assert is_on(alarm, 12 * [waiting])
        _, command, option, name, *targets = first_command(alarm).split()
        assert (option, name, targets) == ("--stack", STACK_NAME, [])
        _, said, _ = desk.run(command)
        assert "the deleter: its event source mapping is Disabled; requests wait" in said
    finally:
        assert desk.run("resume")[0] == 0
    wait_until("the request ends", lambda: cloud.status_of(backup_id) is None and is_empty(stack), within_s=WITHIN_S)
    assert not is_on(alarm, [*12 * [waiting], depth(stack, "Delete", received=1)], before="ALARM")


def test_refused_request_rings_as_a_dead_letter_until_the_queue_is_empty(
    stack: LocalStack, cloud: Cloud, target: str, alarms: dict[str, Properties]
) -> None:
    held = cloud.add_backup(description="[hold]")
    assert not is_on(alarms["DeadLettersAlarm"], [depth(stack, "DeadLetter")])
    stack.send({"backup_id": held, "target": target})
    wait_until("a letter arrives", lambda: stack.depth("DeadLetter").visible, within_s=WITHIN_S)
    assert is_on(alarms["DeadLettersAlarm"], [depth(stack, "DeadLetter")])
    stack.dead_letters()
    assert not is_on(alarms["DeadLettersAlarm"], [depth(stack, "DeadLetter")])


def test_checks_by_the_schedule_keep_the_checker_from_counting_as_silent(
    stack: LocalStack, target: str, alarms: dict[str, Properties]
) -> None:
    alarm = alarms["CheckerSilentAlarm"]
    assert is_on(alarm, 24 * [()])
    assert not is_on(alarm, [*23 * [()], scheduled_check(stack, target)])
