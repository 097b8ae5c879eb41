"""Turns a plan's deletions into delete requests and sends them to the queue, newest first per group, ten per batch."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.backups.answer import place_of
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.request_json import DeleteRequestJson, ExpectationJson
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.calendar.zone import to_micros, to_text
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import ERROR, PlannedBackup
from vbs_reaper.purge.ports import Queue
from vbs_reaper.purge.rules.survivors import Survivors
from vbs_reaper.purge.run_result import name_of

BATCH: Final = 10
"""Requests per batch: the maximum of SQS."""
EXPIRES_AFTER: Final = timedelta(days=13)
"""Longer than the 12 days after which a waiting request is parked, shorter than the 14 days that SQS keeps messages."""
SEND_S: Final = 30.0
"""Seconds that must be left to begin a batch: for its retries, and for reporting how the run ended."""


def send_plan(  # noqa: PLR0913  # each is a separate value
    plan: Plan, rows: Iterable[PlannedBackup], run: str, queue: Queue, now: datetime, time_left: TimeLeft
) -> int:
    """Request the deletion of these backups of a plan; return how many.

    Raises:
        RunUnfinished: the queue failed or the time is over. Some requests may be in the queue already. Send all of them
            again: the deleter recognizes backups that are already gone.
    """
    sent = 0
    place = place_of(plan.project_id, plan.endpoint) if plan.project_id and plan.endpoint else None
    for batch in _batches(requests_of(plan, rows, run, now), {"place": place} if place else {}):
        if time_left() < SEND_S:
            raise RunUnfinished(f"{name_of(plan.policy.policy, run)}: no time was left after {sent:,} requests")
        if not queue.send(batch):
            raise RunUnfinished(
                f"{name_of(plan.policy.policy, run)}: the queue accepted {sent:,} requests, but not the next batch"
            )
        sent += len(batch)
    return sent


def requests_of(plan: Plan, rows: Iterable[PlannedBackup], run: str, now: datetime) -> Iterator[DeleteRequestJson]:
    """Yield the delete requests. Each states what must be true of its backup when it is deleted."""
    survivors = Survivors(plan.backups)
    expires_at = to_text(to_micros(now + EXPIRES_AFTER))
    for row in rows:
        yield DeleteRequestJson(
            backup_id=row.id,
            target=plan.policy.target,
            project_id=plan.project_id or UNSET,
            expect=_expectation(row, survivors.of(row)),
            expires_at=expires_at,
            requested_by=name_of(plan.policy.policy, run),
        )


def _expectation(row: PlannedBackup, survivors: tuple[str, ...]) -> ExpectationJson:
    return ExpectationJson(
        volume_id=row.volume_id or UNSET,
        created_at=UNSET if row.made_at is None else to_text(row.made_at),
        name=row.name,
        status="error" if row.status == ERROR else "available",
        survivors=survivors or UNSET,
    )


def _batches(requests: Iterator[DeleteRequestJson], attributes: Mapping[str, str]) -> Iterator[list[NewMessage]]:
    batch: list[NewMessage] = []
    for request in requests:
        group = None if request.target is UNSET else request.target
        batch.append(NewMessage(body=msgspec.json.encode(request).decode(), attributes=attributes, group=group))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
