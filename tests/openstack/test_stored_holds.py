"""A hold in the bucket of the stack, written while 300 deletions of its volume are queued, with real Cinder."""

import json
import time
from collections import Counter
from uuid import uuid4

import pytest

from tests.openstack.cloud import Cloud
from tests.support.local.fixtures import WITHIN_S, drained, is_empty, stack, target_name
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.backups.holds import HoldKind, HoldRecord, name_of_hold
from vbs_reaper.clock import utc_now

__all__ = ["drained", "stack", "target_name"]

pytestmark = pytest.mark.openstack

OBEYED_WITHIN_S = 60
QUEUED = 300
A_MINUTE = 90
"""Deletions that Cinder accepts in a minute, so most are still queued when the hold is written."""


def test_a_hold_on_a_volume_stops_its_queued_deletions_within_a_minute_and_no_others(
    stack: LocalStack, cloud: Cloud, target_name: str, drained: None
) -> None:
    stack.store_secret(target_name, cloud.secret())
    held_volume, other_volume = str(uuid4()), str(uuid4())
    held = cloud.write_backups([{"volume_id": held_volume}] * QUEUED)
    others = cloud.write_backups([{"volume_id": other_volume}] * 10)
    cloud.set_rate_limit(A_MINUTE)
    stack.send_all([json.dumps({"backup_id": each, "target": target_name}) for each in [*held, *others]])
    wait_until("deletions have begun", lambda: spared(cloud, held) < QUEUED, within_s=WITHIN_S)
    bucket = HoldBucket(lambda: stack.aws.client("s3"), stack.outputs["PlansBucketName"], utc_now)
    record = HoldRecord(reason="the law", by="arn:aws:iam::1:user/jane", at=utc_now())
    bucket.write(name_of_hold(HoldKind.VOLUME, held_volume, None, "0123abcd"), record)
    (hold,) = bucket.list_holds()
    try:
        time.sleep(OBEYED_WITHIN_S)
        left = spared(cloud, held)
        cloud.set_rate_limit(None)
        wait_until("the queue is empty", lambda: is_empty(stack), within_s=3 * WITHIN_S)
        assert spared(cloud, held) == left > 0
        assert spared(cloud, others) == 0
        letters = Counter(letter.reason for letter in stack.dead_letters())
        assert letters["held"] >= left
    finally:
        bucket.release(hold)


def spared(cloud: Cloud, backups: list[str]) -> int:
    """Return how many of the backups Cinder was not asked to delete."""
    rows = cloud.read_backups()
    return sum(rows[each].status == "available" and not rows[each].deleted for each in backups)
