"""What `make up` leaves in the local stack, so that every command of the console has something to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.local.scenario import store
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.local.year import POLICY, tell_year
from tests.support.simulator.cloud import Cloud
from vbs_reaper.aws.queue_message import queue_entry
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.reasons import Reason

WITHIN_S = 150.0
SIGNED_TARGET = "access-key"
"""A target of the same project, with an access key instead of a password."""
SEED = 1
HELD_UNTIL = "2099-12-31"
OWN_POLICY = {"policy": "last-3", "match": {"status": "available"}, "keep": {"last": 3}}
"""To preview and to change. It has another name than the stored plan, which stays the newest one of its policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What there is to name in commands."""

    backup_ids: Sequence[str]
    plan: str


def set_scene(stack: LocalStack, cloud: Cloud) -> Scene:
    """A year of backups with a plan over them, and dead letters of seven kinds."""
    stack.store_secret("default", cloud.target_secret())
    stack.store_secret(SIGNED_TARGET, cloud.target_secret(access_key=True))
    told = tell_year(SEED)
    store(told, cloud)
    plan = stack.invoke({"run": POLICY}, function="Purger")["plan"]
    _fail(stack, cloud)
    _leave_parked(stack, told[-1].id, told[-2].id)
    return Scene(backup_ids=[backup.id for backup in told if not backup.description][-5:], plan=plan)


def _fail(stack: LocalStack, cloud: Cloud) -> None:
    """Requests that the deleter itself refuses."""
    held, failed, other = (
        cloud.add_backup(name=name, status=status)
        for name, status in (("audit", "available"), ("stuck", "error_deleting"), ("renamed", "available"))
    )
    cloud.hold(held)
    stack.send_all(
        [
            {"backup_id": held},
            {"backup_id": failed, "requested_by": "housekeeping"},
            {"backup_id": other, "expect": {"name": "daily-2026-10-01"}},
            {"backup_id": other, "expires_at": "2026-11-01T00:00:00Z"},
            "delete everything",
        ]
    )
    wait_until("five requests are refused", lambda: stack.depth("DeadLetter").visible == 5, within_s=WITHIN_S)


def _leave_parked(stack: LocalStack, parked: str, moved: str) -> None:
    """What only 12 days could make: a request that an outage parked, and one whose deleter never started."""
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=12)
    attributes = {
        "request_id": "5b1f0c7e-3c55-4d0e-9a61-000000000012",
        "sent_at": long_ago.isoformat(),
        "reason": Reason.SERVICE_DOWN.value,
        "message": Reason.SERVICE_DOWN.sentence,
    }
    entries: list[Any] = [
        {**queue_entry(NewMessage(body=f'{{"backup_id": "{parked}"}}', attributes=attributes)), "Id": "0"},
        {"Id": "1", "MessageBody": f'{{"backup_id": "{moved}"}}'},
    ]
    stack.aws.client("sqs").send_message_batch(QueueUrl=stack.outputs["DeadLetterQueueUrl"], Entries=entries)


def what_to_try(scene: Scene, name: str, env: str, policy: str) -> str:
    """The commands, with ids that are there."""
    one, *more = scene.backup_ids
    lines = (
        "dead-letters --stack {s} list",
        "dead-letters --stack {s} redrive --all-that-can-heal",
        f"send --stack {{s}} {one}",
        f"explain --stack {{s}} {one}",
        "check --stack {s}",
        f"check --stack {{s}} {SIGNED_TARGET}",
        f"send --stack {{s}} --target {SIGNED_TARGET} {more[1]}",
        f"hold --stack {{s}} --backup {more[0]} --until {HELD_UNTIL} --reason audit",
        "holds --stack {s}",
        f"preview --stack {{s}} --policy {policy}",
        "plans --stack {s}",
        f"approve --stack {{s}} --policy {POLICY['policy']} --plan {scene.plan}",
        "pause --stack {s}",
        "resume --stack {s}",
    )
    words = [line.format(s=name) for line in lines]
    return "\n".join(
        [
            f"source {env}",
            *(f".venv/bin/vbs-reaper {line}" for line in words),
            "",
            f"Further backups: {' '.join(more)}",
            "`make down` ends it.",
        ]
    )
