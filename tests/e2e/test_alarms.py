"""Alarms about what the functions record: raised by a fault of the cloud or the stack, cleared when it is repaired.

The other alarms are in `test_alarms_of_aws.py` and `test_alarms_of_two_stacks.py`.
"""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.alarm_monitor import NOTHING, AlarmMonitor, wait_until_deleted
from tests.e2e.operator_cli import OperatorCli
from tests.e2e.stack_faults import NOT_A_HOLD, bus_down, object_that_is_not_a_hold, send_late
from tests.infrastructure.test_alarms import DAY_S
from tests.support.local.fixtures import WITHIN_S, is_empty
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation


@pytest.fixture
def monitor(stack: LocalStack, cloud: Cloud) -> AlarmMonitor:
    return AlarmMonitor(stack)


def wait_for_alarm(monitor: AlarmMonitor, name: str) -> None:
    """Wait until an alarm is on because of what was recorded in this period."""
    wait_until(f"{name} is on", lambda: monitor.is_on(name, [monitor.written()]), within_s=WITHIN_S)


def test_wrong_password_raises_an_alarm_until_it_is_fixed(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    backup_id, secret = cloud.add_backup(), cloud.target_secret()
    stack.store_secret(target, secret | {"auth": secret["auth"] | {"password": "not this one"}})
    stack.send({"backup_id": backup_id, "target": target})
    wait_for_alarm(monitor, "TargetUnhealthyAlarm")
    assert not monitor.is_on("StackUnhealthyAlarm", [monitor.written()])
    wrong = monitor.check(target)
    assert monitor.is_on("TargetUnhealthyAlarm", [wrong, NOTHING, NOTHING])

    stack.store_secret(target, secret)
    wait_until("the request ends", lambda: cloud.status_of(backup_id) is None, within_s=WITHIN_S)
    repaired = monitor.check(target)
    assert monitor.is_on("TargetUnhealthyAlarm", [wrong, *12 * [NOTHING]], before="ALARM")
    assert not monitor.is_on("TargetUnhealthyAlarm", [wrong, *11 * [NOTHING], repaired], before="ALARM")


def test_result_that_cannot_be_published_raises_the_alarm_of_the_stack(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    backup_id = cloud.add_backup()
    with bus_down(stack):
        stack.send({"backup_id": backup_id, "target": target})
        wait_for_alarm(monitor, "StackUnhealthyAlarm")
        assert not monitor.is_on("TargetUnhealthyAlarm", [monitor.written()])
    wait_until_deleted(stack, cloud, backup_id)
    unheard = monitor.written()
    repaired = monitor.check(target)
    assert monitor.is_on("StackUnhealthyAlarm", [unheard, *12 * [NOTHING]], before="ALARM")
    assert not monitor.is_on("StackUnhealthyAlarm", [unheard, *11 * [NOTHING], repaired], before="ALARM")


def test_object_that_is_not_a_hold_raises_an_alarm_and_the_first_command_names_it(
    stack: LocalStack, target: str, monitor: AlarmMonitor, tmp_path: Path
) -> None:
    with object_that_is_not_a_hold(stack):
        found = monitor.check(target)
        assert monitor.is_on("StackUnhealthyAlarm", [found])
        assert NOT_A_HOLD in monitor.run_first_command("StackUnhealthyAlarm", OperatorCli(stack, tmp_path))
    repaired = monitor.check(target)
    assert not monitor.is_on("StackUnhealthyAlarm", [found, *11 * [NOTHING], repaired], before="ALARM")


def test_response_about_another_backup_raises_an_alarm_until_it_is_about_the_right_one(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=Operation.SHOW, body=BodyShape.ANOTHER_BACKUP, times=None))
    stack.send({"backup_id": backup_id, "target": target})
    wait_for_alarm(monitor, "IdentityMismatchAlarm")
    assert cloud.status_of(backup_id) == "available"
    cloud.clear_faults()
    wait_until_deleted(stack, cloud, backup_id)
    mismatched = monitor.written()
    monitor.begin_period()
    another = cloud.add_backup()
    stack.send({"backup_id": another, "target": target})
    wait_until_deleted(stack, cloud, another)
    repaired = monitor.written()
    assert monitor.periods_until_off("IdentityMismatchAlarm", mismatched, repaired) == 12


def test_requests_for_missing_backups_raise_an_alarm_until_most_requests_delete_one(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    stack.send_all([{"backup_id": str(uuid4()), "target": target} for _ in range(12)])
    wait_for_alarm(monitor, "MostlyAlreadyGoneAlarm")
    wait_until("all requests end", lambda: is_empty(stack), within_s=WITHIN_S)
    gone = monitor.written()
    monitor.begin_period()
    there = cloud.add_backup()
    stack.send_all([{"backup_id": each, "target": target} for each in (there, str(uuid4()))])
    wait_until_deleted(stack, cloud, there)
    assert not monitor.is_on("MostlyAlreadyGoneAlarm", [gone, monitor.written()], before="ALARM")


def test_request_that_waits_for_a_day_raises_an_alarm_until_it_has_ended(
    stack: LocalStack, cloud: Cloud, target: str, monitor: AlarmMonitor
) -> None:
    old, new = cloud.add_backup(), cloud.add_backup()
    cloud.set_service(up=False)
    send_late(stack, {"backup_id": old, "target": target}, DAY_S - 300)
    wait_until("it was received", monitor.written, within_s=WITHIN_S)
    assert not monitor.is_on("OldestRequestDayAlarm", [monitor.written()])
    send_late(stack, {"backup_id": old, "target": target}, DAY_S)
    wait_for_alarm(monitor, "OldestRequestDayAlarm")
    cloud.set_service(up=True)
    wait_until_deleted(stack, cloud, old)
    waited = monitor.written()
    monitor.begin_period()
    stack.send({"backup_id": new, "target": target})
    wait_until_deleted(stack, cloud, new)
    ended = monitor.written()
    assert monitor.periods_until_off("OldestRequestDayAlarm", waited, ended) == 3


def test_refused_purge_raises_an_alarm_for_two_hours_and_its_approval_does_not(
    stack: LocalStack, cloud: Cloud, target: str, nights: list[str], monitor: AlarmMonitor
) -> None:
    policy: dict[str, Any] = {"policy": target, "target": target, "mode": "purge", "match": {"name": "daily-*"}}
    run = policy | {"keep": {"last": 8}, "guards": {"max_deletions": 1}}
    plan = stack.invoke({"run": run}, function="Purger")["plan"]
    wait_for_alarm(monitor, "PurgeRefusedAlarm")
    refused = monitor.written()
    monitor.begin_period()
    approved = stack.invoke({"approve": {"policy": target, "plan": plan}}, function="Purger")
    assert approved["requested"] == 2
    wait_until_deleted(stack, cloud, nights[-1])
    repaired = monitor.written()
    assert monitor.is_on("PurgeRefusedAlarm", [refused, repaired], before="ALARM")
    assert not monitor.is_on("PurgeRefusedAlarm", [refused, repaired, NOTHING], before="ALARM")


def test_scheduled_checks_prevent_the_alarm_about_a_silent_checker(target: str, monitor: AlarmMonitor) -> None:
    assert monitor.is_on("CheckerSilentAlarm", 24 * [NOTHING])
    assert not monitor.is_on("CheckerSilentAlarm", [*24 * [NOTHING], monitor.check(target)], before="ALARM")
