"""Purges of real backups with chains, end to end. Results are read from the database of Cinder."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.openstack.cloud import Cloud
from tests.openstack.volumes import change_backup, create_backup, create_snapshot, create_volume, delete_backup
from tests.support.local.fixtures import WITHIN_S, drained, stack, target_name
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.login_store import LoginBucket
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.aws.plan_store import PlanBucket
from vbs_reaper.aws.purge_report import PurgeReport
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import SOURCE
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.logs import logger
from vbs_reaper.purge.purger import Purger

__all__ = ["drained", "stack", "target_name"]

pytestmark = pytest.mark.openstack


@pytest.fixture
def policy(stack: LocalStack, cloud: Cloud, target_name: str, drained: None) -> dict[str, Any]:
    """A policy that keeps the three newest backups."""
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
    """Create a full backup and incremental ones; return their IDs, oldest first."""
    return [
        create_backup(cloud, volume_id, f"nightly-{number}", incremental=number > first)
        for number in range(first, first + length)
    ]


def test_an_old_chain_is_deleted_once_a_new_full_backup_exists_and_children_first(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    volume_id = create_volume(cloud, "purged")
    old = chain(cloud, volume_id, 0, 7)
    too_early = stack.invoke({"run": policy}, function="Purger")
    assert (too_early["outcome"], too_early["requested"]) == ("completed", 0)
    new = chain(cloud, volume_id, 7, 3)
    answer = stack.invoke({"run": policy}, function="Purger")
    assert (answer["outcome"], answer["requested"]) == ("completed", 7)
    wait_until("the old backups are gone", lambda: all(_gone(cloud, old)), within_s=2 * WITHIN_S)
    assert not any(_gone(cloud, new))


def test_a_purge_requests_nothing_that_cinder_keeps_for_an_incremental_of_newer_data(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    """A full backup of an older snapshot is created last, and the next incremental one depends on an earlier one."""
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


def test_an_approval_keeps_what_is_needed_after_backups_were_deleted_held_or_renamed(
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


def test_an_approval_is_refused_after_a_policy_change_and_that_of_the_new_plan_keeps_what_is_needed(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    volume_id = create_volume(cloud, "changed")
    nights = [create_backup(cloud, volume_id, f"nightly-{number}") for number in range(6)]
    first = stack.invoke({"run": policy | {"mode": "preview"}}, function="Purger")
    assert first["totals"]["due"] == 3
    nights.append(create_backup(cloud, volume_id, "nightly-6"))
    changed = stack.invoke({"run": policy | {"mode": "preview", "keep": {"last": 5}}}, function="Purger")
    assert changed["totals"]["due"] == 2
    refused = stack.invoke({"approve": {"policy": policy["policy"], "plan": first["plan"]}}, function="Purger")
    assert (refused["outcome"], refused["reason"]) == ("refused", "plan_superseded")
    delete_backup(cloud, nights[6])
    answer = stack.invoke({"approve": {"policy": policy["policy"], "plan": changed["plan"]}}, function="Purger")
    assert answer["requested"] == 1
    assert [(each["id"], each["reason"]) for each in answer["left_out"]["backups"]] == [(nights[1], "keep_last")]
    wait_until("it is gone", lambda: cloud.read_backups()[nights[0]].deleted, within_s=2 * WITHIN_S)
    assert not any(cloud.read_backups()[each].deleted for each in nights[1:6])


class Killed(Exception):
    """The function is killed here."""


class CutQueue(DeleteQueue):
    """The delete queue. After one batch, the purger is killed or the queue fails."""

    is_killed = True
    batches = 0

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send the first batch only."""
        if self.batches and self.is_killed:
            raise Killed
        if self.batches:
            return False
        self.batches += 1
        return super().send(messages)


@pytest.fixture
def cut(stack: LocalStack) -> Iterator[Purger]:
    """A purger in this process, with the bucket, queue and secrets of the stack, that sends only one batch."""
    stack_client, outputs, metrics = stack.aws.client, stack.outputs, Metrics("reaper")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERTOOLS_SERVICE_NAME", "cut")
        bucket = outputs["PlansBucketName"]
        transports = Transports(calls_at_once=1)
        yield Purger(
            backups=CloudClient(
                secrets=TargetSecrets(stack_client("secretsmanager"), "vbs-reaper"),
                metrics=metrics,
                clock=utc_now,
                transports=transports,
                logins=LoginBucket(lambda: stack_client("s3"), bucket),
            ),
            holds=HoldBucket(lambda: stack_client("s3"), bucket, utc_now),
            plans=PlanBucket(stack_client("s3"), bucket),
            queue=CutQueue(stack_client("sqs"), outputs["DeleteQueueUrl"], outputs["DeadLetterQueueUrl"]),
            bus=EventBus(stack_client("events"), outputs["EventBusName"], SOURCE),
            report=PurgeReport(metrics, logger),
            clock=utc_now,
            default_target="default",
        )
        transports.close()


def test_a_run_killed_while_sending_is_repeated_and_deletes_each_backup_once(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any], cut: Purger
) -> None:
    volume_id = create_volume(cloud, "killed")
    nights = [create_backup(cloud, volume_id, f"nightly-{number}") for number in range(15)]
    event = {"run": policy, "scheduled_time": "2026-11-25T03:00:00Z"}
    with pytest.raises(Killed):
        cut.handle(event, lambda: 900.0, "killed")
    wait_until(
        "the first batch is gone",
        lambda: sum(cloud.read_backups()[each].deleted for each in nights) == 10,
        within_s=2 * WITHIN_S,
    )
    answer = stack.invoke(event, function="Purger")
    assert (answer["outcome"], answer["requested"]) == ("completed", 2), answer
    assert answer["left_out"]["reasons"] == {"already_gone": 10}
    wait_until(
        "all are gone", lambda: all(cloud.read_backups()[each].deleted for each in nights[:12]), within_s=2 * WITHIN_S
    )
    wait_until("the queue is empty", lambda: stack.depth().total == 0, within_s=WITHIN_S)
    assert not any(cloud.read_backups()[each].deleted for each in nights[12:])
    assert stack.dead_letters() == []
    assert stack.invoke(event, function="Purger")["outcome"] == "already_sent"


def test_an_approval_continues_after_what_was_sent_if_the_queue_fails_and_lists_again(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any], cut: Purger, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume_id = create_volume(cloud, "continued")
    nights = [create_backup(cloud, volume_id, f"nightly-{number}") for number in range(15)]
    shown = stack.invoke({"run": policy | {"mode": "preview"}}, function="Purger")
    assert shown["totals"]["due"] == 12
    approval = {"approve": {"policy": policy["policy"], "plan": shown["plan"]}}
    monkeypatch.setattr(CutQueue, "is_killed", False)
    with pytest.raises(RunUnfinished, match="accepted 10 requests"):
        cut.handle(approval, lambda: 900.0, "cut")
    change_backup(cloud, nights[0], description="[hold]")
    answer = stack.invoke(approval, function="Purger")
    assert (answer["requested"], answer["left_out"]["reasons"]) == (1, {"held": 1}), answer
    assert "after 10 by earlier attempts" in answer["message"]
    wait_until(
        "eleven are gone",
        lambda: all(cloud.read_backups()[each].deleted for each in nights[1:12]),
        within_s=2 * WITHIN_S,
    )
    assert not any(cloud.read_backups()[each].deleted for each in (nights[0], *nights[12:]))
    assert stack.invoke(approval, function="Purger")["outcome"] == "already_sent"


def _gone(cloud: Cloud, chain: list[str]) -> list[bool]:
    """Return whether each backup of a chain is gone, and assert that no parent is gone before its child."""
    rows = cloud.read_backups()
    gone = [rows[each].deleted for each in chain]
    assert gone == sorted(gone), "a parent was deleted before its child"
    return gone
