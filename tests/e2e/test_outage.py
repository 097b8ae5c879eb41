"""Outages, throttling and lost answers delay a request, but do not change its end."""

from datetime import datetime

import pytest

from tests.support.local.fixtures import WITHIN_S
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator


def _send(stack: LocalStack, cloud: Cloud, target: str, count: int = 12) -> list[str]:
    backups = cloud.add_backups(count)
    stack.send_all([{"backup_id": backup_id, "target": target} for backup_id in backups])
    return backups


def _all_gone(cloud: Cloud, backups: list[str]) -> None:
    wait_until("all are gone", lambda: all(cloud.journal.is_gone(one) for one in backups), within_s=WITHIN_S)


def test_requests_wait_while_the_service_is_down_and_then_all_are_deleted(
    stack: LocalStack, cloud: Cloud, target: str
) -> None:
    cloud.set_service(up=False)
    backups = _send(stack, cloud, target)
    wait_until("it was asked", lambda: cloud.journal.calls_of(Operation.DELETE), within_s=WITHIN_S)
    assert not cloud.journal.deletes
    cloud.set_service(up=True)
    _all_gone(cloud, backups)


@pytest.mark.parametrize(("status", "body"), [(413, BodyShape.OVER_LIMIT), (429, BodyShape.GATEWAY)])
def test_throttled_requests_wait(stack: LocalStack, cloud: Cloud, target: str, status: int, body: BodyShape) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, status=status, body=body, retry_after=1, times=3))
    _all_gone(cloud, _send(stack, cloud, target, count=6))


def test_a_lost_answer_is_detected_by_the_next_get(stack: LocalStack, cloud: Cloud, target: str) -> None:
    cloud.inject(Fault(operation=Operation.DELETE, after_work=True, breakage=Breakage.RESET, times=4))
    backups = _send(stack, cloud, target, count=6)
    _all_gone(cloud, backups)


def test_a_request_to_an_unreachable_cloud_is_retried(
    stack: LocalStack, simulator: Simulator, cloud: Cloud, target: str, began: datetime
) -> None:
    backups = cloud.add_backups(3)
    simulator.stop()
    try:
        stack.send_all([{"backup_id": backup_id, "target": target} for backup_id in backups])
        wait_until(
            "the cloud is unreachable",
            lambda: any(line.get("reason") in {"unreachable", "service_down"} for line in stack.log().documents(began)),
            within_s=WITHIN_S,
        )
    finally:
        simulator.start()
    _all_gone(cloud, backups)


def test_the_parent_of_a_chain_is_deleted_after_its_children(stack: LocalStack, cloud: Cloud, target: str) -> None:
    full = cloud.add_backup()
    first = cloud.add_backup(parent_id=full)
    second = cloud.add_backup(parent_id=first)
    stack.send_all([{"backup_id": one, "target": target} for one in (full, first, second)])
    _all_gone(cloud, [full, first, second])
    assert [delete.backup_id for delete in cloud.journal.deletes] == [second, first, full]
