"""Chains of incremental backups on Cinder, which shows no parent: whatever a kept one may need, stays.

Cinder builds an incremental backup on the available backup of its volume with the latest `data_timestamp`; for one of a
snapshot, the latest before that snapshot (`create` in cinder/backup/api.py). So a kept backup that may be incremental
needs the backups that are older than it, back to the latest data among the usable full ones made before it. By age of
the data or by creation: what either order says is needed, stays. What the answer does not say (full or not, when, of
which volume, how old the data) is taken at its worst.
"""

from bisect import bisect_left
from bisect import bisect_right
from bisect import insort
from collections.abc import Iterable
from collections.abc import Sequence
from itertools import groupby

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.planned import AVAILABLE
from vbs_reaper.purge.planned import UNKNOWN_DATA
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import newest_first
from vbs_reaper.purge.time.zone import LONG_AGO
from vbs_reaper.purge.time.zone import Micros

_BLOCKED = (Reason.CHAIN_BLOCKED,)
_NOTHING: Micros = UNKNOWN_DATA + 1
"""Later than all data: a chain that begins there needs nothing."""

Moment = tuple[Sequence[PlannedBackup], Micros]
"""Backups of one creation time, and from which data on their incremental ones may need others."""


def keep_chains(backups: Iterable[PlannedBackup]) -> None:
    """Keep what a kept incremental backup may need. Wants every backup of the project, also those out of the set."""
    volumes, adrift = _by_volume(backups)
    for volume in volumes.values():
        undated = any(row.made_at is None and row.keep and _may_need_others(row) for row in volume)
        chains = _Chains(needs_all=adrift or undated)
        for moment in _moments(volume):
            chains.keep(moment)


def delay_chains(backups: Iterable[PlannedBackup]) -> None:
    """Let nothing be due before what may need it is: an incremental in its grace still needs its full one."""
    volumes, _ = _by_volume(backups)
    for volume in volumes.values():
        earliest, waits = LONG_AGO, _Waits()
        for moment in _moments(volume):
            earliest = _delay_moment(moment, earliest, waits)


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


def _moments(volume: Sequence[PlannedBackup]) -> list[Moment]:
    """The moments of a volume, newest first: of two backups made at once nobody knows which came before."""
    moments: list[Moment] = []
    full_data: list[Micros] = []
    dated = sorted((row for row in volume if row.made_at is not None), key=newest_first)
    for _, found in groupby(dated, key=lambda row: row.made_at):
        rows = list(found)
        moments.append((rows, min((_reach(row, full_data) for row in rows if _may_need_others(row)), default=_NOTHING)))
        for row in rows:
            if _is_usable_full(row) and row.data_at != UNKNOWN_DATA:
                insort(full_data, _data_of(row))
    moments.reverse()
    return moments


def _reach(row: PlannedBackup, full_data: Sequence[Micros]) -> Micros:
    """The data of the full backup, of those made before, beyond which nothing can be the row's parent."""
    place = 0 if row.data_at == UNKNOWN_DATA else bisect_left(full_data, _data_of(row))
    return full_data[place - 1] if place else LONG_AGO


class _Chains:
    """What is needed of a volume, moment by moment, newest first."""

    def __init__(self, *, needs_all: bool) -> None:
        self._needs_all = needs_all
        self._needs_older = False
        """By creation: until the next usable full one."""
        self._needs_from = _NOTHING
        """By age of the data."""
        self._going_from = _NOTHING
        """What the incremental ones that go may be built on."""

    def keep(self, moment: Moment) -> None:
        """Keep the backups of a moment if one of them is needed."""
        rows, reach = moment
        if self._is_needed(rows):
            for row in rows:
                if not row.keep:
                    row.keep, row.reasons = True, _BLOCKED
        incremental = [row for row in rows if _may_need_others(row)]
        if any(row.keep for row in incremental):
            self._needs_older = True
            self._needs_from = min(self._needs_from, reach)
        elif any(_is_usable_full(row) for row in rows):
            self._needs_older = False
        if not all(row.keep for row in incremental):
            self._going_from = min(self._going_from, reach)

    def _is_needed(self, rows: Sequence[PlannedBackup]) -> bool:
        if self._needs_all or self._needs_older:
            return True
        if len(rows) > 1 and any(row.keep and _may_need_others(row) for row in rows):
            return True
        return any(_data_of(row) >= self._needs_from or self._is_left_alone(row, rows) for row in rows if not row.keep)

    def _is_left_alone(self, row: PlannedBackup, rows: Sequence[PlannedBackup]) -> bool:
        """Whether Cinder says that others depend on it and none of those can be one that goes."""
        if not row.has_dependents or _data_of(row) >= self._going_from:
            return False
        return not any(other is not row and not other.keep and _may_need_others(other) for other in rows)


class _Waits:
    """From when on a backup may be due, by the age of its data."""

    def __init__(self) -> None:
        self._reaches: list[Micros] = []
        self._until: list[Micros] = []
        """Each later than those before it: data that reach further and wait no longer are left out."""

    def add(self, reach: Micros, until: Micros) -> None:
        """Nothing with data from `reach` on is due before `until`."""
        place = bisect_right(self._reaches, reach)
        if place and self._until[place - 1] >= until:
            return
        start = bisect_left(self._reaches, reach)
        end = bisect_right(self._until, until)
        self._reaches[start : max(start, end)] = [reach]
        self._until[start : max(start, end)] = [until]

    def until(self, data_at: Micros) -> Micros:
        """When a backup with these data may be due."""
        place = bisect_right(self._reaches, data_at)
        return self._until[place - 1] if place else LONG_AGO


def _delay_moment(moment: Moment, earliest: Micros, waits: _Waits) -> Micros:
    """Delay these to `earliest` where sooner; tell from when on older ones may be due."""
    rows, reach = moment
    going = [row for row in rows if row.due_at is not None]
    incremental = [row for row in going if _may_need_others(row)]
    here = max([earliest, *(waits.until(_data_of(row)) for row in going)])
    if len(rows) > 1:
        here = max([here, *_dues(incremental)])
    for row in going:
        row.due_at = max(row.due_at or here, here)
    if incremental:
        latest = max(_dues(incremental))
        waits.add(reach, latest)
        return latest
    return LONG_AGO if any(_is_usable_full(row) for row in rows) else earliest


def _dues(rows: Iterable[PlannedBackup]) -> list[Micros]:
    return [row.due_at for row in rows if row.due_at is not None]


def _may_need_others(row: PlannedBackup) -> bool:
    return row.incremental is not False


def _is_usable_full(row: PlannedBackup) -> bool:
    return row.incremental is False and row.status == AVAILABLE


def _data_of(row: PlannedBackup) -> Micros:
    """When the data were saved; the latest there is where nobody knows: it may be what any other needs."""
    return (row.made_at or LONG_AGO) if row.data_at is None else row.data_at
