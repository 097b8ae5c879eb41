"""Alarms about metrics of AWS: raised by a real fault, cleared by its repair.

Instead of waiting for messages to age, a test evaluates the alarm for a later time. `alarm_monitor.py` describes the
metrics of SQS. The emulator publishes the metric `Throttles` of Lambda; errors are counted in the log. Both tests
invoke the deleter directly: after a failure, the event source mapping would have to wait for the message, and that of
the emulator does not invoke a throttled function.

The emulator does not count what EventBridge and EventBridge Scheduler could not deliver, and writes no dead letter of
it. So a request that was not delivered is translated into the metric that AWS publishes if the dead-letter queue cannot
be used either (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html), or if the schedule has no
more retries (https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html). The two other metrics
of `DeliveryFailedAlarm` are only evaluated over samples, in `test_alarm_scenarios.py`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.alarm_monitor import NOTHING, AlarmMonitor, wait_until_deleted
from tests.e2e.command_line import run
from tests.e2e.examples import SAMPLE_ID, queue_arn
from tests.e2e.operator_cli import OperatorCli
from tests.e2e.stack_faults import NOWHERE, broken_settings, rule_to_nowhere
from tests.support.local.fixtures import WITHIN_S, is_empty
from tests.support.local.function_log import Sample
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
AGES = {"UndeliveredDayAlarm": DAY, "UndeliveredWeekAlarm": 7 * DAY}


@pytest.fixture
def monitor(stack: LocalStack, cloud: Cloud) -> Iterator[AlarmMonitor]:
    """Delete all dead letters before and after the test."""
    stack.dead_letters()
    yield AlarmMonitor(stack)
    stack.dead_letters()


@pytest.fixture
def cli(stack: LocalStack, tmp_path: Path) -> OperatorCli:
    return OperatorCli(stack, tmp_path)


# ── Queues ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_queue_without_a_consumer_raises_alarms_after_an_hour_a_day_and_a_week_until_it_is_read(
    cli: OperatorCli, stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    backup_id = cloud.add_backup()
    try:
        assert cli.run("pause")[0] == 0
        assert not monitor.is_on("DeleterIdleAlarm", 12 * [monitor.of_queue("Delete")])
        stack.send({"backup_id": backup_id, "target": target})
        sent = datetime.now(UTC)
        waiting = monitor.of_queue("Delete")
        assert monitor.is_on("DeleterIdleAlarm", 12 * [waiting])
        stdout = monitor.run_first_command("DeleterIdleAlarm", cli)
        assert "the deleter: its event source mapping is Disabled; requests wait" in stdout
        early = monitor.of_queue("Delete", at=sent + DAY - HOUR)
        assert not any(monitor.is_on(name, [early]) for name in AGES)
        old = {name: monitor.of_queue("Delete", at=sent + age + SECOND) for name, age in AGES.items()}
        assert all(monitor.is_on(name, [old[name]]) for name in AGES)
        assert not monitor.is_on("UndeliveredWeekAlarm", [old["UndeliveredDayAlarm"]])
    finally:
        assert cli.run("resume")[0] == 0
    wait_until_deleted(stack, cloud, backup_id)
    read = monitor.of_queue("Delete")
    assert not monitor.is_on("DeleterIdleAlarm", [*12 * [waiting], read], before="ALARM")
    assert not any(monitor.is_on(name, [old[name], read], before="ALARM") for name in AGES)


def test_dead_letters_raise_alarms_when_they_arrive_and_before_they_expire_until_the_queue_is_empty(
    cli: OperatorCli, stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    def refused(letters: int) -> list[Sample]:
        """Cause one more refused request, in a new period."""
        monitor.begin_period()
        backup_id = cloud.add_backup()
        cloud.hold(backup_id)
        stack.send({"backup_id": backup_id, "target": target})
        wait_until("it is refused", lambda: stack.depth("DeadLetter").visible == letters, within_s=WITHIN_S)
        return monitor.of_queue("DeadLetter")

    empty = monitor.of_queue("DeadLetter")
    assert not monitor.is_on("DeadLettersAlarm", [empty])
    periods = [refused(1)]
    monitor.begin_period()
    periods.append(monitor.of_queue("DeadLetter"))
    periods.append(refused(2))
    on = {
        name: [monitor.is_on(name, [each]) for each in periods] for name in ("DeadLettersAlarm", "NewDeadLettersAlarm")
    }
    assert on == {"DeadLettersAlarm": [True, True, True], "NewDeadLettersAlarm": [True, False, True]}

    stack.dead_letters()
    periods.append(refused(1))
    sent = datetime.now(UTC)
    assert not monitor.is_on("DeadLettersExpireAlarm", [monitor.of_queue("DeadLetter", at=sent + 10 * DAY - HOUR)])
    old = monitor.of_queue("DeadLetter", at=sent + 10 * DAY + SECOND)
    assert monitor.is_on("DeadLettersExpireAlarm", [old])
    assert "held" in monitor.run_first_command("DeadLettersExpireAlarm", cli)
    for backup_id in cloud.remaining():
        cloud.change_backup(backup_id, description="", metadata={})
    assert cli.run("dead-letters", "redrive", "--reason", "held", "--yes")[0] == 0
    wait_until("the request ends", lambda: len(cloud.remaining()) == 2 and is_empty(stack), within_s=WITHIN_S)
    for name in ("DeadLettersAlarm", "NewDeadLettersAlarm", "DeadLettersExpireAlarm"):
        monitor.begin_period()
        assert not monitor.is_on(name, [old, monitor.of_queue("DeadLetter")], before="ALARM")


# ── The deleter ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deleter_that_cannot_start_raises_an_alarm_until_its_settings_are_repaired(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    backup_id = cloud.add_backup()
    with broken_settings(stack), pytest.raises(RuntimeError, match="DELETE_QUEUE_URL is not set"):
        stack.invoke({"backup_id": backup_id, "target": target})
    failed = monitor.of_deleter()
    assert monitor.is_on("DeleterErrorsAlarm", [failed])
    monitor.begin_period()
    stack.send({"backup_id": backup_id, "target": target})
    wait_until_deleted(stack, cloud, backup_id)
    repaired = monitor.of_deleter()
    assert monitor.periods_until_off("DeleterErrorsAlarm", failed, repaired) == 3


def test_throttled_deleter_raises_an_alarm_after_three_half_hours_until_it_can_run(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    backup_id = cloud.add_backup()
    functions, name = stack.aws.client("lambda", retries=False), stack.outputs["DeleterFunctionName"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        stack.send({"backup_id": backup_id, "target": target})
        with pytest.raises(functions.exceptions.TooManyRequestsException):
            functions.invoke(FunctionName=name, Payload=b"{}")
        throttled = monitor.of_deleter()
        assert not monitor.is_on("DeleterThrottlesAlarm", 2 * [throttled])
        assert monitor.is_on("DeleterThrottlesAlarm", 3 * [throttled])
        assert cloud.status_of(backup_id) == "available"
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    monitor.begin_period()
    wait_until_deleted(stack, cloud, backup_id)
    assert not monitor.is_on("DeleterThrottlesAlarm", [*3 * [throttled], monitor.of_deleter()], before="ALARM")


# ── Delivery ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_event_that_is_not_delivered_raises_an_alarm_until_the_rule_delivers_again(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    lost, delivered = cloud.add_backup(), cloud.add_backup()
    with rule_to_nowhere(stack) as rule:
        stack.put_event({"backup_id": lost, "target": target})
    stack.put_event({"backup_id": delivered, "target": target})
    wait_until_deleted(stack, cloud, delivered)
    assert cloud.remaining() == {lost: "available"}
    assert_given_up(monitor, "AWS/Events", "InvocationsFailedToBeSentToDlq", rule)


def test_schedule_that_cannot_deliver_raises_an_alarm_until_it_delivers_again(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    lost, delivered = cloud.add_backup(), cloud.add_backup()
    command = stack.outputs["ScheduleRequestCommand"]
    to_nowhere = command.replace(queue_arn(stack, "Delete"), NOWHERE).replace(queue_arn(stack, "DeadLetter"), NOWHERE)
    assert to_nowhere.count(NOWHERE) == 2
    group = run_at_once(stack, to_nowhere, lost, target)
    assert run_at_once(stack, command, delivered, target) == group
    wait_until_deleted(stack, cloud, delivered)
    assert cloud.remaining() == {lost: "available"}
    assert_given_up(monitor, "AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": group})


def run_at_once(stack: LocalStack, command: str, backup_id: str, target: str) -> str:
    """Create the schedule of a command, due now, and wait until it has run; return its group."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    request = f'{backup_id}\\", \\"target\\": \\"{target}'
    arn = run(stack.aws, command.replace("2030-01-01T02:00:00", now).replace(SAMPLE_ID, request))["ScheduleArn"]
    scheduler = stack.aws.client("scheduler")
    _, group, name = arn.split("/")
    wait_until("it has run", lambda: not scheduler.list_schedules(NamePrefix=name)["Schedules"], within_s=WITHIN_S)
    return str(group)


def assert_given_up(monitor: AlarmMonitor, namespace: str, name: str, dimensions: dict[str, str]) -> None:
    """Assert that the metric of one lost request raises the alarm, and that 15 minutes without one clear it."""
    lost = [Sample(namespace=namespace, name=name, dimensions=dimensions, value=1)]
    assert monitor.is_on("DeliveryFailedAlarm", [lost])
    assert monitor.periods_until_off("DeliveryFailedAlarm", lost, NOTHING) == 3
