"""The sample data of `make up`: something to show for every command of the CLI."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.local.scenario import store
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.local.year import POLICY, make_year
from tests.support.simulator.cloud import Cloud
from vbs_reaper.aws.queue_message import queue_entry
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.reasons import Reason

WITHIN_S = 150.0
SIGNED_TARGET = "access-key"
"""A target of the same project, with an access key instead of a password."""
CBR_TARGET = "cbr"
"""A target that calls the API of CBR for the backups of the same project."""
SEED = 1
HELD_UNTIL = "2099-12-31"
OWN_POLICY = {"policy": "last-3", "match": {"status": "available"}, "keep": {"last": 3}}
"""A policy to preview and to change. Its name differs from that of the stored plan, which so remains the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpData:
    """What the commands to try name: backups to delete, and a stored plan."""

    backup_ids: Sequence[str]
    plan: str


def create_data(stack: LocalStack, cloud: Cloud) -> UpData:
    """Create a year of backups, a plan of them, and dead letters with seven reasons."""
    stack.store_secret("default", cloud.target_secret())
    stack.store_secret(SIGNED_TARGET, cloud.target_secret(access_key=True))
    stack.store_secret(CBR_TARGET, cloud.target_secret(service="cbr"))
    stored = make_year(SEED)
    store(stored, cloud)
    plan = stack.invoke({"run": POLICY}, function="Purger")["plan"]
    _fail(stack, cloud)
    _leave_parked(stack, stored[-1].id, stored[-2].id)
    return UpData(backup_ids=[backup.id for backup in stored if not backup.description][-5:], plan=plan)


def _fail(stack: LocalStack, cloud: Cloud) -> None:
    """Send requests that the deleter refuses."""
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
    """Create dead letters that take 12 days: of a parked request, and of one that SQS moved."""
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


def what_to_try(data: UpData, name: str, env: str, policy: str) -> str:
    """Return commands to try, with existing IDs."""
    one, *more = data.backup_ids
    lines = (
        "dead-letters --stack {s} list",
        "dead-letters --stack {s} redrive --all-that-can-heal",
        f"send --stack {{s}} {one}",
        f"explain --stack {{s}} {one}",
        "check --stack {s}",
        f"check --stack {{s}} {SIGNED_TARGET}",
        f"send --stack {{s}} --target {SIGNED_TARGET} {more[1]}",
        f"check --stack {{s}} {CBR_TARGET}",
        f"send --stack {{s}} --target {CBR_TARGET} {more[2]}",
        f"hold --stack {{s}} --backup {more[0]} --until {HELD_UNTIL} --reason audit",
        "holds --stack {s}",
        f"preview --stack {{s}} --policy {policy}",
        "plans --stack {s}",
        f"approve --stack {{s}} --policy {POLICY['policy']} --plan {data.plan}",
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
            "To stop the local stack: `make down`",
        ]
    )
