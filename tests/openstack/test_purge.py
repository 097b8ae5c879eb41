"""A purge of real backups with a chain, end to end on the real template; judged by Cinder's own database."""

from typing import Any

import pytest

from tests.openstack.cloud import Cloud
from tests.openstack.volumes import change_backup, create_backup, create_snapshot, create_volume, delete_backup
from tests.support.local.fixtures import WITHIN_S, drained, stack, target_name
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until

__all__ = ["drained", "stack", "target_name"]

pytestmark = pytest.mark.openstack


@pytest.fixture
def policy(stack: LocalStack, cloud: Cloud, target_name: str, drained: None) -> dict[str, Any]:
    """Keeps the three newest."""
    stack.store_secret(target_name, cloud.secret(service="cinder"))
    return {
        "policy": target_name,
        "target": target_name,
        "mode": "purge",
        "match": {"name": "nightly-*"},
        "keep": {"last": 3},
        "guards": {"max_fraction": 1},
    }


def chain(cloud: Cloud, volume_id: str, first: int, length: int) -> list[str]:
    """A full backup and incremental ones behind it, oldest first."""
    return [
        create_backup(cloud, volume_id, f"nightly-{number}", incremental=number > first)
        for number in range(first, first + length)
    ]


def test_an_old_chain_goes_whole_once_a_new_full_backup_stands_and_children_go_first(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    volume_id = create_volume(cloud, "purged")
    old = chain(cloud, volume_id, 0, 7)
    too_early = stack.invoke({"run": policy}, function="Purger")
    assert (too_early["outcome"], too_early["requested"]) == ("completed", 0)
    new = chain(cloud, volume_id, 7, 3)
    answer = stack.invoke({"run": policy}, function="Purger")
    assert (answer["outcome"], answer["requested"]) == ("completed", 7)
    wait_until("the old ones are gone", lambda: all(_gone(cloud, old)), within_s=2 * WITHIN_S)
    assert not any(_gone(cloud, new))


def test_a_purge_requests_nothing_that_cinder_keeps_for_an_incremental_of_newer_data(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    """A full backup of an older snapshot is made last, and the next incremental builds on one that was made before."""
    volume_id = create_volume(cloud, "with a snapshot")
    first = create_backup(cloud, volume_id, "nightly-0")
    snapshot_id = create_snapshot(cloud, volume_id)
    base = create_backup(cloud, volume_id, "nightly-1")
    child = create_backup(cloud, volume_id, "nightly-2", incremental=True)
    of_snapshot = create_backup(cloud, volume_id, "nightly-3", snapshot_id=snapshot_id)
    last = create_backup(cloud, volume_id, "nightly-4", incremental=True)
    answer = stack.invoke({"run": policy | {"keep": {"last": 1}}}, function="Purger")
    assert answer.get("requested") == 1, answer
    wait_until("the first is gone", lambda: cloud.read_backups()[first].deleted, within_s=2 * WITHIN_S)
    wait_until("the queue is empty", lambda: stack.depth().total == 0, within_s=WITHIN_S)
    rows = cloud.read_backups()
    assert not any(rows[each].deleted for each in (base, child, of_snapshot, last))
    assert stack.dead_letters() == []


def test_an_approval_keeps_what_became_needed_after_copies_were_deleted_held_or_renamed_by_hand(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    volume_id = create_volume(cloud, "approved later")
    nights = [create_backup(cloud, volume_id, f"nightly-{number}") for number in range(8)]
    refused = stack.invoke({"run": policy | {"guards": {"max_deletions": 1}}}, function="Purger")
    assert (refused["reason"], refused["totals"]["due"]) == ("guard_exceeded", 5)
    delete_backup(cloud, nights[7])
    change_backup(cloud, nights[3], description="[hold] for the audit")
    change_backup(cloud, nights[2], name="nightly-renamed")
    approval = {"approve": {"policy": policy["policy"], "plan": refused["plan"]}}
    answer = stack.invoke(approval, function="Purger")
    assert answer.get("requested") == 2, answer
    assert {each["id"]: each["reason"] for each in answer["left_out"]["backups"]} == {
        nights[4]: "keep_last",
        nights[3]: "held",
        nights[2]: "expectation_failed",
    }
    wait_until(
        "the two are gone",
        lambda: all(cloud.read_backups()[each].deleted for each in nights[:2]),
        within_s=2 * WITHIN_S,
    )
    assert not any(cloud.read_backups()[each].deleted for each in nights[2:7])


def _gone(cloud: Cloud, chain: list[str]) -> list[bool]:
    """Of each link whether it is gone; never one that another still needs."""
    rows = cloud.read_backups()
    gone = [rows[each].deleted for each in chain]
    assert gone == sorted(gone), "a parent went before its child"
    return gone
