"""Two stacks in one account: a missing purge, and faults that raise only the alarms of the stack that has them."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.alarm_monitor import SCHEDULED_TIME, AlarmMonitor
from tests.e2e.stack_faults import object_that_is_not_a_hold, send_late
from tests.infrastructure.test_alarms import ALARMS, DAY_S, metrics_of
from tests.support.local.fixtures import WITHIN_S, is_empty
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from vbs_reaper.aws.metrics import NAMESPACE

POLICY = "alarms-nightly"
PURGES = {
    "PurgeState": "ENABLED",
    "PurgePolicy": f'{{"policy": "{POLICY}"}}',
    "PurgeSchedule": "at(2199-01-01T00:00:00)",
}
"""The parameters of the second stack, with which the alarms of the first are evaluated too."""
FUNCTION_ALARMS = {
    name for name, each in ALARMS.items() if all(metric["Namespace"] == NAMESPACE for metric in metrics_of(each))
}
"""The alarms on metrics of the functions. All stacks of an account write these to one namespace."""


@pytest.fixture(scope="module")
def other(stack: LocalStack) -> Iterator[LocalStack]:
    """A second stack in the account of the first one, with a scheduled purge."""
    name = "vbs-reaper-other"
    with LocalStack(name=name, beside=stack, parameters={"SecretPrefix": name, **PURGES}) as other:
        yield other


@pytest.fixture
def other_target(other: LocalStack, cloud: Cloud, target: str) -> str:
    other.store_secret(target, cloud.target_secret())
    return target


def purge_event(target: str, max_deletions: int) -> dict[str, Any]:
    """Return the event of a manual run of the policy."""
    policy = {"policy": POLICY, "target": target, "mode": "purge", "match": {"name": "daily-*"}, "keep": {"last": 8}}
    return {"run": policy | {"guards": {"max_deletions": max_deletions}}}


def scheduled_purge(stack: LocalStack, target: str) -> None:
    """Run the policy as its schedule does."""
    stack.invoke(purge_event(target, max_deletions=2) | {"scheduled_time": SCHEDULED_TIME}, function="Purger")


def test_purge_that_its_schedule_does_not_run_raises_an_alarm_until_it_runs(
    other: LocalStack, other_target: str
) -> None:
    monitor = AlarmMonitor(other, **PURGES)
    without = monitor.check(other_target)
    assert not monitor.is_on("PurgeMissingAlarm", 6 * [without])
    assert monitor.is_on("PurgeMissingAlarm", 7 * [without])
    scheduled_purge(other, other_target)
    assert not monitor.is_on("PurgeMissingAlarm", [*6 * [without], monitor.written()], before="ALARM")


def test_faults_of_one_stack_neither_raise_nor_clear_the_alarms_of_another(
    other: LocalStack, stack: LocalStack, cloud: Cloud, other_target: str, nights: list[str]
) -> None:
    ill, well = AlarmMonitor(other, **PURGES), AlarmMonitor(stack, **PURGES)

    def on(monitor: AlarmMonitor) -> set[str]:
        """Return the alarms of a stack that are on if all periods are like the present one."""
        return {name for name in FUNCTION_ALARMS if monitor.is_on(name, 24 * [[*ill.written(), *well.written()]])}

    well.check(other_target)
    assert on(ill) == {"CheckerSilentAlarm"}
    assert on(well) == set()

    raise_every_alarm(other, cloud, other_target)
    with object_that_is_not_a_hold(other):
        ill.check(f"{other_target[:40]}-without-secret")
    scheduled_purge(stack, other_target)
    stack.send_all([{"backup_id": each, "target": other_target} for each in cloud.add_backups(10)])
    wait_until("all requests end", lambda: is_empty(stack) and is_empty(other), within_s=WITHIN_S)
    assert on(ill) == FUNCTION_ALARMS - {"CheckerSilentAlarm"}
    assert on(well) == set()


def raise_every_alarm(stack: LocalStack, cloud: Cloud, target: str) -> None:
    """Raise all alarms except those about faults that a check finds."""
    mismatched, old = cloud.add_backups(2)
    cloud.inject(Fault(operation=Operation.SHOW, body=BodyShape.ANOTHER_BACKUP, backup_id=mismatched))
    stack.send_all([{"backup_id": each, "target": target} for each in (mismatched, *(str(uuid4()) for _ in range(10)))])
    send_late(stack, {"backup_id": old, "target": target}, DAY_S)
    assert stack.invoke(purge_event(target, max_deletions=1), function="Purger")["outcome"] == "refused"
