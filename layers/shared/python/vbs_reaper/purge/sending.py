"""Turns a plan's deletions into delete requests and sends them to the queue, newest first per group, ten per batch."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.backups.answer import place_of
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.request_json import DeleteRequestJson, ExpectationJson
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.calendar.duration import read_duration
from vbs_reaper.purge.calendar.zone import load_zone, to_micros, to_text
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import ERROR, PlannedBackup
from vbs_reaper.purge.ports import Queue
from vbs_reaper.purge.rules.survivors import Survivors
from vbs_reaper.purge.run_result import name_of
from vbs_reaper.text import count

BATCH: Final = 10
"""Requests per batch: the maximum of SQS."""
LONGEST_LIFE: Final = timedelta(days=13)
"""Longer than the 12 days after which a waiting request is parked, shorter than the 14 days that SQS keeps messages.
The requests of an approval live that long, because no run repeats them."""
EXPIRES_AFTER: Final = "3d"
"""How long a run's requests live by default. The next run plans again."""
SEND_S: Final = 30.0
"""Seconds that must be left to begin a batch: for its retries, and for reporting how the run ended."""


def send_plan(  # noqa: PLR0913  # each is a separate value
    plan: Plan,
    rows: Iterable[PlannedBackup],
    run: str,
    queue: Queue,
    expires_at: datetime,
    time_left: TimeLeft,
    check_not_stopped: Callable[[int], None],
) -> int:
    """Request the deletion of these backups of a plan, until `expires_at`; return how many.

    `check_not_stopped` is called before each batch with the number of requests sent so far. It raises to end the run.

    Raises:
        RunUnfinished: the queue or the holds failed, or the time is over. It states how many requests are in the queue.
            More than that may be; send them again: the deleter recognizes backups that are already gone.
    """
    sent = 0
    name = name_of(plan.policy.policy, run)
    place = place_of(plan.project_id, plan.endpoint) if plan.project_id and plan.endpoint else None
    attributes = {"purge_run": name, **({"place": place} if place else {})}
    for batch in _batches(requests_of(plan, rows, run, expires_at), attributes):
        if time_left() < SEND_S:
            raise RunUnfinished(f"{name}: no time was left after {count(sent, 'request')}", sent)
        check_not_stopped(sent)
        if not queue.send(batch):
            raise RunUnfinished(f"{name}: the queue accepted {count(sent, 'request')}, but not the next batch", sent)
        sent += len(batch)
    return sent


def expiry_of_run(plan: Plan, now: datetime) -> datetime:
    """Return when the requests of a run expire if they are sent now.

    They must outlive the interval of the runs, or a short outage of the cloud would end them all again and again. The
    time since the last plan tells the interval.
    """
    span = EXPIRES_AFTER if plan.policy.expires_after is UNSET else plan.policy.expires_after
    zone, sent_at = load_zone(plan.policy.timezone), to_micros(now)
    life = zone.ahead(sent_at, read_duration(span)) - sent_at
    if plan.difference is not None:
        life = max(life, (plan.made_at - plan.difference.last_made_at) * 3 // 2)
    return now + min(timedelta(microseconds=life), LONGEST_LIFE)


def requests_of(
    plan: Plan, rows: Iterable[PlannedBackup], run: str, expires_at: datetime
) -> Iterator[DeleteRequestJson]:
    """Yield the delete requests. Each states what must be true of its backup when it is deleted."""
    survivors = Survivors(plan.backups)
    until, name = to_text(to_micros(expires_at)), name_of(plan.policy.policy, run)
    for row in rows:
        yield DeleteRequestJson(
            backup_id=row.id,
            target=plan.policy.target,
            project_id=plan.project_id or UNSET,
            expect=_expectation(row, survivors.of(row)),
            expires_at=until,
            requested_by=name,
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
        volume_id = request.expect.volume_id if request.expect else UNSET
        own = attributes if volume_id is UNSET else {**attributes, "volume_id": volume_id}
        batch.append(NewMessage(body=msgspec.json.encode(request).decode(), attributes=own, group=group))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
