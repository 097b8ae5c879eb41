"""A plan's deletions as delete requests, newest first per group, ten at a time."""

from collections.abc import Iterable
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.request import Expectation
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.ports import Queue
from vbs_reaper.purge.run.result import name_of
from vbs_reaper.purge.time.zone import to_micros
from vbs_reaper.purge.time.zone import to_text

BATCH: Final = 10
EXPIRES_AFTER: Final = timedelta(days=13)
"""Longer than the 12 days of an outage, shorter than the 14 that the queue keeps a message."""
SEND_S: Final = 30.0
"""Seconds that must be left for a batch to begin: its tries, and some to say how the run ended."""


class Unfinished(Exception):
    """Queue, bus, bucket or time were in the way: the run is to be repeated whole, and nothing harmful comes of it."""


def send_plan(  # noqa: PLR0913  # each is another thing
    plan: Plan, rows: Iterable[PlannedBackup], run: str, queue: Queue, now: datetime, time_left: TimeLeft
) -> int:
    """Request the deletion of these backups of a plan; returns how many.

    Raises:
        Unfinished: some may be in the queue already. All are to be sent again: the deleter finds what is gone.
    """
    sent = 0
    for batch in _batches(requests_of(plan, rows, run, now)):
        if time_left() < SEND_S:
            raise Unfinished(f"{name_of(plan.policy.policy, run)}: the time was over after {sent:,} requests")
        if not queue.send(batch):
            raise Unfinished(f"{name_of(plan.policy.policy, run)}: the queue took {sent:,} requests and not the next")
        sent += len(batch)
    return sent


def requests_of(plan: Plan, rows: Iterable[PlannedBackup], run: str, now: datetime) -> Iterator[DeleteRequest]:
    """The delete requests, each with what must be true of its backup when it goes."""
    survivors = plan.survivors
    expires_at = to_text(to_micros(now + EXPIRES_AFTER))
    for row in rows:
        yield DeleteRequest(
            backup_id=row.id,
            target=plan.policy.target,
            project_id=plan.project_id or UNSET,
            expect=_expectation(row, survivors.get(row.group or "", ())),
            expires_at=expires_at,
            requested_by=name_of(plan.policy.policy, run),
        )


def _expectation(row: PlannedBackup, survivors: tuple[str, ...]) -> Expectation:
    return Expectation(
        volume_id=row.volume_id or UNSET,
        created_at=UNSET if row.made_at is None else to_text(row.made_at),
        name=row.name,
        survivors=survivors or UNSET,
    )


def _batches(requests: Iterator[DeleteRequest]) -> Iterator[list[NewMessage]]:
    batch: list[NewMessage] = []
    for request in requests:
        group = None if request.target is UNSET else request.target
        batch.append(NewMessage(body=msgspec.json.encode(request).decode(), group=group))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
