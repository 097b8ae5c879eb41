"""Chains of incremental backups on Cinder, which shows no parent: whatever a kept one may need, stays.

A kept backup that may be incremental needs every backup of its volume back to the last usable full one before it. What
the answer does not say (full or not, when, of which volume) is taken at its worst.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import groupby

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.planned import AVAILABLE
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import newest_first
from vbs_reaper.purge.time.zone import LONG_AGO
from vbs_reaper.purge.time.zone import Micros

_BLOCKED = (Reason.CHAIN_BLOCKED,)


def keep_chains(backups: Iterable[PlannedBackup]) -> None:
    """Keep what a kept incremental backup may need. Wants every backup of the project, also those out of the set."""
    volumes, adrift = _by_volume(backups)
    for volume in volumes.values():
        undated = any(row.made_at is None and row.keep and _may_need_others(row) for row in volume)
        needed = False
        for moment in _moments(volume):
            needed = _keep_moment(moment, needed=needed, always=adrift or undated)


def delay_chains(backups: Iterable[PlannedBackup]) -> None:
    """Let nothing be due before what may need it is: an incremental in its grace still needs its full one."""
    volumes, _ = _by_volume(backups)
    for volume in volumes.values():
        earliest = LONG_AGO
        for moment in _moments(volume):
            earliest = _delay_moment(moment, earliest)


def _by_volume(backups: Iterable[PlannedBackup]) -> tuple[dict[str, list[PlannedBackup]], bool]:
    """Backups by volume, and whether a kept one that may need others is of a volume that nobody knows."""
    volumes: dict[str, list[PlannedBackup]] = {}
    adrift = False
    for row in backups:
        if row.volume_id:
            volumes.setdefault(row.volume_id, []).append(row)
        elif row.keep and _may_need_others(row):
            adrift = True
    return volumes, adrift


def _moments(volume: Sequence[PlannedBackup]) -> Iterator[list[PlannedBackup]]:
    """Backups of one creation time each, newest first: of two made at once nobody knows which came before."""
    dated = sorted((row for row in volume if row.made_at is not None), key=newest_first, reverse=True)
    for _, rows in groupby(dated, key=lambda row: row.made_at):
        yield list(rows)


def _keep_moment(rows: Sequence[PlannedBackup], *, needed: bool, always: bool) -> bool:
    """Keep these where needed; tell whether older ones are."""
    needed_here = always or needed or (len(rows) > 1 and any(row.keep and _may_need_others(row) for row in rows))
    for row in rows:
        if needed_here and not row.keep:
            row.keep = True
            row.reasons = _BLOCKED
    if any(row.keep and _may_need_others(row) for row in rows):
        return True
    return needed and not any(_is_usable_full(row) for row in rows)


def _delay_moment(rows: Sequence[PlannedBackup], earliest: Micros) -> Micros:
    """Delay these to `earliest` where sooner; tell from when on older ones may be due."""
    incremental = [row.due_at for row in rows if row.due_at is not None and _may_need_others(row)]
    here = max([earliest, *incremental]) if len(rows) > 1 else earliest
    for row in rows:
        if row.due_at is not None and row.due_at < here:
            row.due_at = here
    if incremental:
        return max([here, *incremental])
    return LONG_AGO if any(_is_usable_full(row) for row in rows) else here


def _may_need_others(row: PlannedBackup) -> bool:
    return row.incremental is not False


def _is_usable_full(row: PlannedBackup) -> bool:
    return row.incremental is False and row.status == AVAILABLE
