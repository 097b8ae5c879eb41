"""Chains of incremental backups on Cinder: every backup that a kept one may need is kept.

The API does not show the parent of an incremental backup. Cinder uses the available backup of the same volume with the
latest `data_timestamp`; for a backup of a snapshot, the latest one before that snapshot (`create` in
cinder/backup/api.py). So a kept backup that may be incremental may need all older backups, back to the one with the
latest data among the usable full backups that were made before it. "Older" is evaluated twice, by the age of the data
and by creation time; a backup is kept if it may be needed in either order. If the API does not show whether a backup is
full, when it was made, of which volume, or how old its data are, the worst case is assumed.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import groupby

from vbs_reaper.purge.calendar.zone import LONG_AGO, Micros
from vbs_reaper.purge.planned_backup import AVAILABLE, UNKNOWN_DATA, PlannedBackup, newest_first
from vbs_reaper.reasons import Reason

_BLOCKED = (Reason.CHAIN_BLOCKED,)
_NO_DATA: Micros = UNKNOWN_DATA + 1
"""Later than all data: no backup is needed from there on."""

Moment = tuple[Sequence[PlannedBackup], Micros]
"""The backups of one creation time, and the earliest data that the incremental ones among them may need."""


def keep_chains(backups: Iterable[PlannedBackup]) -> None:
    """Keep every backup that a kept incremental backup may need.

    `backups` must be all backups of the project, including those to which the policy does not apply.
    """
    volumes, unknown_volume = _by_volume(backups)
    for volume in volumes.values():
        undated = any(row.made_at is None and row.keep and _may_need_others(row) for row in volume)
        chains = _Chains(needs_all=unknown_volume or undated)
        for moment in _moments(volume):
            chains.keep(moment)


def delay_chains(backups: Iterable[PlannedBackup]) -> None:
    """Delay `due_at` of each backup until all backups that may need it are due.

    An incremental backup in its grace still needs its full backup.
    """
    volumes, _ = _by_volume(backups)
    for volume in volumes.values():
        earliest, delays = LONG_AGO, _Delays()
        for moment in _moments(volume):
            earliest = _delay_moment(moment, earliest, delays)


def _by_volume(backups: Iterable[PlannedBackup]) -> tuple[dict[str, list[PlannedBackup]], bool]:
    """Return the backups by volume, and whether the volume of a kept backup that may need others is unknown."""
    volumes: dict[str, list[PlannedBackup]] = {}
    unknown_volume = False
    for row in backups:
        if row.volume_id:
            volumes.setdefault(row.volume_id, []).append(row)
        elif row.keep and _may_need_others(row):
            unknown_volume = True
    return volumes, unknown_volume


def _moments(volume: Sequence[PlannedBackup]) -> list[Moment]:
    """Return the moments of a volume, newest first. The order of backups with the same creation time is unknown."""
    moments: list[Moment] = []
    full_data: list[Micros] = []
    dated = sorted((row for row in volume if row.made_at is not None), key=newest_first)
    for _, same_time in groupby(dated, key=lambda row: row.made_at):
        rows = list(same_time)
        needed = (_earliest_needed(row, full_data) for row in rows if _may_need_others(row))
        moments.append((rows, min(needed, default=_NO_DATA)))
        for row in rows:
            if _is_usable_full(row) and row.data_at != UNKNOWN_DATA:
                insort(full_data, _data_of(row))
    moments.reverse()
    return moments


def _earliest_needed(row: PlannedBackup, full_data: Sequence[Micros]) -> Micros:
    """Return the earliest data that an incremental backup may need.

    `full_data` are the data times of the usable full backups made before it, in ascending order. The result is the
    latest of them that is older than its own data: no backup with older data can be part of its chain.
    """
    place = 0 if row.data_at == UNKNOWN_DATA else bisect_left(full_data, _data_of(row))
    return full_data[place - 1] if place else LONG_AGO


class _Chains:
    """Decides which backups of a volume are needed. Call `keep` for its moments, newest first."""

    def __init__(self, *, needs_all: bool) -> None:
        self._needs_all = needs_all
        self._needs_older = False
        """By creation time: all further backups are needed, up to and including the next usable full one."""
        self._needs_from = _NO_DATA
        """By age of the data: all backups with data from here on are needed."""
        self._deleted_need_from = _NO_DATA
        """The earliest data that the incremental backups to be deleted may need."""

    def keep(self, moment: Moment) -> None:
        """Keep the backups of a moment if one of them is needed."""
        rows, needed_from = moment
        if self._is_needed(rows):
            for row in rows:
                if not row.keep:
                    row.keep, row.reasons = True, _BLOCKED
        incremental = [row for row in rows if _may_need_others(row)]
        if any(row.keep for row in incremental):
            self._needs_older = True
            self._needs_from = min(self._needs_from, needed_from)
        elif any(_is_usable_full(row) for row in rows):
            self._needs_older = False
        if not all(row.keep for row in incremental):
            self._deleted_need_from = min(self._deleted_need_from, needed_from)

    def _is_needed(self, rows: Sequence[PlannedBackup]) -> bool:
        if self._needs_all or self._needs_older:
            return True
        if len(rows) > 1 and any(row.keep and _may_need_others(row) for row in rows):
            return True
        return any(
            _data_of(row) >= self._needs_from or self._has_kept_dependents(row, rows) for row in rows if not row.keep
        )

    def _has_kept_dependents(self, row: PlannedBackup, rows: Sequence[PlannedBackup]) -> bool:
        """Whether Cinder reports dependents, and none of the backups to be deleted can be one of them."""
        if not row.has_dependents or _data_of(row) >= self._deleted_need_from:
            return False
        return not any(other is not row and not other.keep and _may_need_others(other) for other in rows)


class _Delays:
    """Until when a backup must not be due, by the age of its data."""

    def __init__(self) -> None:
        self._data_from: list[Micros] = []
        self._until: list[Micros] = []
        """Both are in ascending order. A delay is dropped if another one covers the same data for as long or longer."""

    def add(self, data_from: Micros, until: Micros) -> None:
        """Add a delay: no backup with data from `data_from` on may be due before `until`.

        A backup with data of `data_from` must not be delayed beyond `until` already.
        """
        start = bisect_left(self._data_from, data_from)
        end = bisect_right(self._until, until)
        self._data_from[start:end] = [data_from]
        self._until[start:end] = [until]

    def until(self, data_at: Micros) -> Micros:
        """Return when a backup with these data may be due at the earliest."""
        place = bisect_right(self._data_from, data_at)
        return self._until[place - 1] if place else LONG_AGO


def _delay_moment(moment: Moment, earliest: Micros, delays: _Delays) -> Micros:
    """Delay the selected backups of a moment to `earliest` or later; return the `earliest` of the next older moment."""
    rows, needed_from = moment
    selected = [row for row in rows if row.due_at is not None]
    incremental = [row for row in selected if _may_need_others(row)]
    due_from = max([earliest, *(delays.until(_data_of(row)) for row in selected)])
    if len(rows) > 1:
        due_from = max([due_from, *_due_times(incremental)])
    for row in selected:
        row.due_at = max(row.due_at or due_from, due_from)
    if incremental:
        latest = max(_due_times(incremental))
        # No earlier delay of these data is longer: the incremental backups have newer data, so it has delayed them too.
        delays.add(needed_from, latest)
        return latest
    return LONG_AGO if any(_is_usable_full(row) for row in rows) else earliest


def _due_times(rows: Iterable[PlannedBackup]) -> list[Micros]:
    return [row.due_at for row in rows if row.due_at is not None]


def _may_need_others(row: PlannedBackup) -> bool:
    return row.incremental is not False


def _is_usable_full(row: PlannedBackup) -> bool:
    return row.incremental is False and row.status == AVAILABLE


def _data_of(row: PlannedBackup) -> Micros:
    """Return when the data were saved. Unknown counts as later than all others, as any backup may need this one."""
    return (row.made_at or LONG_AGO) if row.data_at is None else row.data_at
