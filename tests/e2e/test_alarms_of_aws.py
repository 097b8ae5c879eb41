"""Alarms about metrics of AWS: raised by a real fault, cleared by its repair.

Messages of a queue are not waited for to grow old: the alarm is evaluated at a later time. `watch.py` says where the
metrics of SQS come from. The emulator publishes the metric `Throttles` of Lambda; errors are counted in the log. The
deleter is invoked directly for both: after a failure, the event source mapping would have to wait for the message, and
the emulator's mapping does not invoke a function that may not run.

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

from tests.e2e.command_line import run
from tests.e2e.desk import Desk
from tests.e2e.examples import SAMPLE_ID, queue_arn
from tests.e2e.stack_faults import NOWHERE, broken_settings, rule_to_nowhere
from tests.e2e.watch import NOTHING, Watch, ends
from tests.support.local.fixtures import WITHIN_S, is_empty
from tests.support.local.function_log import Sample
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
AGES = {"UndeliveredDayAlarm": DAY, "UndeliveredWeekAlarm": 7 * DAY}


@pytest.fixture
def watch(stack: LocalStack, cloud: Cloud) -> Iterator[Watch]:
    """There are no dead letters before and after the test."""
    stack.dead_letters()
    yield Watch(stack)
    stack.dead_letters()


@pytest.fixture
def desk(stack: LocalStack, tmp_path: Path) -> Desk:
    return Desk(stack, tmp_path)


# ── Queues ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_queue_that_nobody_reads_rings_after_an_hour_a_day_and_a_week_until_it_is_read(
    desk: Desk, stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    backup_id = cloud.add_backup()
    try:
        assert desk.run("pause")[0] == 0
        assert not watch.is_on("DeleterIdleAlarm", 12 * [watch.of_queue("Delete")])
        stack.send({"backup_id": backup_id, "target": target})
        sent = datetime.now(UTC)
        waiting = watch.of_queue("Delete")
        assert watch.is_on("DeleterIdleAlarm", 12 * [waiting])
        said = watch.run_first_command("DeleterIdleAlarm", desk)
        assert "the deleter: its event source mapping is Disabled; requests wait" in said
        early = watch.of_queue("Delete", at=sent + DAY - HOUR)
        assert not any(watch.is_on(name, [early]) for name in AGES)
        old = {name: watch.of_queue("Delete", at=sent + age + SECOND) for name, age in AGES.items()}
        assert all(watch.is_on(name, [old[name]]) for name in AGES)
        assert not watch.is_on("UndeliveredWeekAlarm", [old["UndeliveredDayAlarm"]])
    finally:
        assert desk.run("resume")[0] == 0
    ends(stack, cloud, backup_id)
    read = watch.of_queue("Delete")
    assert not watch.is_on("DeleterIdleAlarm", [*12 * [waiting], read], before="ALARM")
    assert not any(watch.is_on(name, [old[name], read], before="ALARM") for name in AGES)


def test_dead_letters_ring_when_they_arrive_and_before_they_expire_until_the_queue_is_empty(
    desk: Desk, stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    def refused(letters: int) -> list[Sample]:
        """Have one more request refused, in a period of its own."""
        watch.begin_period()
        backup_id = cloud.add_backup()
        cloud.hold(backup_id)
        stack.send({"backup_id": backup_id, "target": target})
        wait_until("it is refused", lambda: stack.depth("DeadLetter").visible == letters, within_s=WITHIN_S)
        return watch.of_queue("DeadLetter")

    empty = watch.of_queue("DeadLetter")
    assert not watch.is_on("DeadLettersAlarm", [empty])
    periods = [refused(1)]
    watch.begin_period()
    periods.append(watch.of_queue("DeadLetter"))
    periods.append(refused(2))
    on = {name: [watch.is_on(name, [each]) for each in periods] for name in ("DeadLettersAlarm", "NewDeadLettersAlarm")}
    assert on == {"DeadLettersAlarm": [True, True, True], "NewDeadLettersAlarm": [True, False, True]}

    stack.dead_letters()
    periods.append(refused(1))
    sent = datetime.now(UTC)
    assert not watch.is_on("DeadLettersExpireAlarm", [watch.of_queue("DeadLetter", at=sent + 10 * DAY - HOUR)])
    old = watch.of_queue("DeadLetter", at=sent + 10 * DAY + SECOND)
    assert watch.is_on("DeadLettersExpireAlarm", [old])
    assert "held" in watch.run_first_command("DeadLettersExpireAlarm", desk)
    for backup_id in cloud.remaining():
        cloud.change_backup(backup_id, description="", metadata={})
    assert desk.run("dead-letters", "redrive", "--reason", "held", "--yes")[0] == 0
    wait_until("the request ends", lambda: len(cloud.remaining()) == 2 and is_empty(stack), within_s=WITHIN_S)
    for name in ("DeadLettersAlarm", "NewDeadLettersAlarm", "DeadLettersExpireAlarm"):
        watch.begin_period()
        assert not watch.is_on(name, [old, watch.of_queue("DeadLetter")], before="ALARM")


# ── The deleter ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_deleter_that_cannot_start_rings_until_its_settings_are_repaired(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    backup_id = cloud.add_backup()
    with broken_settings(stack), pytest.raises(RuntimeError, match="DELETE_QUEUE_URL is not set"):
        stack.invoke({"backup_id": backup_id, "target": target})
    failed = watch.of_deleter()
    assert watch.is_on("DeleterErrorsAlarm", [failed])
    watch.begin_period()
    stack.send({"backup_id": backup_id, "target": target})
    ends(stack, cloud, backup_id)
    repaired = watch.of_deleter()
    assert watch.periods_until_off("DeleterErrorsAlarm", failed, repaired) == 3


def test_throttled_deleter_rings_after_three_half_hours_until_it_may_run(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    backup_id = cloud.add_backup()
    functions, name = stack.aws.client("lambda", retries=False), stack.outputs["DeleterFunctionName"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        stack.send({"backup_id": backup_id, "target": target})
        with pytest.raises(functions.exceptions.TooManyRequestsException):
            functions.invoke(FunctionName=name, Payload=b"{}")
        throttled = watch.of_deleter()
        assert not watch.is_on("DeleterThrottlesAlarm", 2 * [throttled])
        assert watch.is_on("DeleterThrottlesAlarm", 3 * [throttled])
        assert cloud.status_of(backup_id) == "available"
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    watch.begin_period()
    ends(stack, cloud, backup_id)
    assert not watch.is_on("DeleterThrottlesAlarm", [*3 * [throttled], watch.of_deleter()], before="ALARM")


# ── Delivery ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_event_that_is_not_delivered_rings_until_the_rule_delivers_again(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    lost, delivered = cloud.add_backup(), cloud.add_backup()
    with rule_to_nowhere(stack) as rule:
        stack.put_event({"backup_id": lost, "target": target})
    stack.put_event({"backup_id": delivered, "target": target})
    ends(stack, cloud, delivered)
    assert cloud.remaining() == {lost: "available"}
    assert_given_up(watch, "AWS/Events", "InvocationsFailedToBeSentToDlq", rule)


def test_schedule_that_cannot_deliver_rings_until_it_delivers_again(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    lost, delivered = cloud.add_backup(), cloud.add_backup()
    command = stack.outputs["ScheduleRequestCommand"]
    to_nowhere = command.replace(queue_arn(stack, "Delete"), NOWHERE).replace(queue_arn(stack, "DeadLetter"), NOWHERE)
    assert to_nowhere.count(NOWHERE) == 2
    group = run_at_once(stack, to_nowhere, lost, target)
    assert run_at_once(stack, command, delivered, target) == group
    ends(stack, cloud, delivered)
    assert cloud.remaining() == {lost: "available"}
    assert_given_up(watch, "AWS/Scheduler", "InvocationDroppedCount", {"ScheduleGroup": group})


def run_at_once(stack: LocalStack, command: str, backup_id: str, target: str) -> str:
    """Create the schedule of a command for now, and wait until it has run; return its group."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    request = f'{backup_id}\\", \\"target\\": \\"{target}'
    arn = run(stack.aws, command.replace("2030-01-01T02:00:00", now).replace(SAMPLE_ID, request))["ScheduleArn"]
    scheduler = stack.aws.client("scheduler")
    _, group, name = arn.split("/")
    wait_until("it has run", lambda: not scheduler.list_schedules(NamePrefix=name)["Schedules"], within_s=WITHIN_S)
    return str(group)


def assert_given_up(watch: Watch, namespace: str, name: str, dimensions: dict[str, str]) -> None:
    """One request was lost: what AWS publishes of that raises the alarm, and nothing for 15 minutes clears it."""
    lost = [Sample(namespace=namespace, name=name, dimensions=dimensions, value=1)]
    assert watch.is_on("DeliveryFailedAlarm", [lost])
    assert watch.periods_until_off("DeliveryFailedAlarm", lost, NOTHING) == 3
