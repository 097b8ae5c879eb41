"""Alarms about what the functions record: raised by a fault of the cloud or the stack, cleared when it is repaired.

The other alarms are in `test_alarms_of_aws.py` and `test_alarms_of_two_stacks.py`.
"""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.desk import Desk
from tests.e2e.stack_faults import NOT_A_HOLD, bus_down, object_that_is_not_a_hold, send_late
from tests.e2e.watch import NOTHING, Watch, ends
from tests.infrastructure.test_alarms import DAY_S
from tests.support.local.fixtures import WITHIN_S, is_empty
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation


@pytest.fixture
def watch(stack: LocalStack, cloud: Cloud) -> Watch:
    return Watch(stack)


def rings(watch: Watch, name: str) -> None:
    """Wait until an alarm is on because of what was recorded in this period."""
    wait_until(f"{name} is on", lambda: watch.is_on(name, [watch.written()]), within_s=WITHIN_S)


def test_wrong_password_rings_and_a_repaired_one_clears_it(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    backup_id, secret = cloud.add_backup(), cloud.target_secret()
    stack.store_secret(target, secret | {"auth": secret["auth"] | {"password": "not this one"}})
    stack.send({"backup_id": backup_id, "target": target})
    rings(watch, "TargetUnhealthyAlarm")
    assert not watch.is_on("StackUnhealthyAlarm", [watch.written()])
    wrong = watch.check(target)
    assert watch.is_on("TargetUnhealthyAlarm", [wrong, NOTHING, NOTHING])

    stack.store_secret(target, secret)
    wait_until("the request ends", lambda: cloud.status_of(backup_id) is None, within_s=WITHIN_S)
    repaired = watch.check(target)
    assert watch.is_on("TargetUnhealthyAlarm", [wrong, *12 * [NOTHING]], before="ALARM")
    assert not watch.is_on("TargetUnhealthyAlarm", [wrong, *11 * [NOTHING], repaired], before="ALARM")


def test_result_that_cannot_be_published_rings_for_the_stack(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    backup_id = cloud.add_backup()
    with bus_down(stack):
        stack.send({"backup_id": backup_id, "target": target})
        rings(watch, "StackUnhealthyAlarm")
        assert not watch.is_on("TargetUnhealthyAlarm", [watch.written()])
    ends(stack, cloud, backup_id)
    unheard = watch.written()
    repaired = watch.check(target)
    assert watch.is_on("StackUnhealthyAlarm", [unheard, *12 * [NOTHING]], before="ALARM")
    assert not watch.is_on("StackUnhealthyAlarm", [unheard, *11 * [NOTHING], repaired], before="ALARM")


def test_object_that_is_not_a_hold_rings_and_the_first_command_names_it(
    stack: LocalStack, target: str, watch: Watch, tmp_path: Path
) -> None:
    with object_that_is_not_a_hold(stack):
        found = watch.check(target)
        assert watch.is_on("StackUnhealthyAlarm", [found])
        assert NOT_A_HOLD in watch.run_first_command("StackUnhealthyAlarm", Desk(stack, tmp_path))
    repaired = watch.check(target)
    assert not watch.is_on("StackUnhealthyAlarm", [found, *11 * [NOTHING], repaired], before="ALARM")


def test_cloud_that_describes_another_backup_rings_until_it_describes_the_right_one(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    backup_id = cloud.add_backup()
    cloud.inject(Fault(operation=Operation.SHOW, body=BodyShape.ANOTHER_BACKUP, times=None))
    stack.send({"backup_id": backup_id, "target": target})
    rings(watch, "IdentityMismatchAlarm")
    assert cloud.status_of(backup_id) == "available"
    cloud.clear_faults()
    ends(stack, cloud, backup_id)
    mismatched = watch.written()
    watch.begin_period()
    another = cloud.add_backup()
    stack.send({"backup_id": another, "target": target})
    ends(stack, cloud, another)
    repaired = watch.written()
    assert watch.periods_until_off("IdentityMismatchAlarm", mismatched, repaired) == 12


def test_requests_for_backups_that_are_gone_ring_until_most_requests_delete_one(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    stack.send_all([{"backup_id": str(uuid4()), "target": target} for _ in range(12)])
    rings(watch, "MostlyAlreadyGoneAlarm")
    wait_until("all requests end", lambda: is_empty(stack), within_s=WITHIN_S)
    gone = watch.written()
    watch.begin_period()
    there = cloud.add_backup()
    stack.send_all([{"backup_id": each, "target": target} for each in (there, str(uuid4()))])
    ends(stack, cloud, there)
    assert not watch.is_on("MostlyAlreadyGoneAlarm", [gone, watch.written()], before="ALARM")


def test_request_that_waits_for_a_day_rings_until_it_has_ended(
    stack: LocalStack, cloud: Cloud, target: str, watch: Watch
) -> None:
    old, new = cloud.add_backup(), cloud.add_backup()
    cloud.set_service(up=False)
    send_late(stack, {"backup_id": old, "target": target}, DAY_S - 300)
    wait_until("it was received", watch.written, within_s=WITHIN_S)
    assert not watch.is_on("OldestRequestDayAlarm", [watch.written()])
    send_late(stack, {"backup_id": old, "target": target}, DAY_S)
    rings(watch, "OldestRequestDayAlarm")
    cloud.set_service(up=True)
    ends(stack, cloud, old)
    waited = watch.written()
    watch.begin_period()
    stack.send({"backup_id": new, "target": target})
    ends(stack, cloud, new)
    ended = watch.written()
    assert watch.periods_until_off("OldestRequestDayAlarm", waited, ended) == 3


def test_refused_purge_rings_for_two_hours_and_not_for_its_approval(
    stack: LocalStack, cloud: Cloud, target: str, nights: list[str], watch: Watch
) -> None:
    policy: dict[str, Any] = {"policy": target, "target": target, "mode": "purge", "match": {"name": "daily-*"}}
    run = policy | {"keep": {"last": 8}, "guards": {"max_deletions": 1}}
    plan = stack.invoke({"run": run}, function="Purger")["plan"]
    rings(watch, "PurgeRefusedAlarm")
    refused = watch.written()
    watch.begin_period()
    approved = stack.invoke({"approve": {"policy": target, "plan": plan}}, function="Purger")
    assert approved["requested"] == 2
    ends(stack, cloud, nights[-1])
    repaired = watch.written()
    assert watch.is_on("PurgeRefusedAlarm", [refused, repaired], before="ALARM")
    assert not watch.is_on("PurgeRefusedAlarm", [refused, repaired, NOTHING], before="ALARM")


def test_checks_by_the_schedule_keep_the_checker_from_counting_as_silent(target: str, watch: Watch) -> None:
    assert watch.is_on("CheckerSilentAlarm", 24 * [NOTHING])
    assert not watch.is_on("CheckerSilentAlarm", [*24 * [NOTHING], watch.check(target)], before="ALARM")
