"""Projection of future backups for advice and forecasts: each group is still backed up at its median interval."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low
from typing import Final

from msgspec.structs import replace

from vbs_reaper.purge.calendar.zone import LONG_AGO, Micros
from vbs_reaper.purge.planned_backup import AVAILABLE, PlannedBackup
from vbs_reaper.reasons import Reason

DAY: Final[Micros] = 24 * 3600 * 1_000_000
FUTURE_ID: Final = "~"
"""Prefix of the IDs of projected backups. Projected IDs sort by creation time."""

_COPIES_CONSIDERED: Final = 15
_INTERVALS_MISSED: Final = 3
_HOUR: Final[Micros] = DAY // 24


def median_interval(copies: Sequence[PlannedBackup]) -> Micros:
    """Return the median interval between the newest copies of a group, at least an hour; one day if it is unknown.

    `copies` are given newest first.
    """
    times = [row.made_at for row in copies[:_COPIES_CONSIDERED] if row.made_at is not None]
    gaps = [later - earlier for later, earlier in pairwise(times)]
    return max(_HOUR, median_low(gaps)) if gaps else DAY


def is_dormant(copies: Sequence[PlannedBackup], now: Micros) -> bool:
    """Return whether a group is no longer backed up: it has fewer than two copies, or missed its last three backups.

    `copies` are given newest first.
    """
    if len(copies) < 2:
        return True
    return (copies[0].made_at or LONG_AGO) + _INTERVALS_MISSED * median_interval(copies) < now


def projected_backups(copies: Sequence[PlannedBackup], start: Micros, until: Micros) -> list[PlannedBackup]:
    """Return the copies that a group will get from `start` to `until`, one per median interval.

    Full backups are assumed to be made as often as before. `copies` are given newest first and must not be empty.
    """
    interval = median_interval(copies)
    full_every = _full_every(copies)
    projected: list[PlannedBackup] = []
    moment, since_full = start, next((i for i, row in enumerate(copies) if row.incremental is False), 0)
    while moment <= until:
        since_full = (since_full + 1) % full_every if full_every else since_full + 1
        projected.append(project_backup(copies[0], moment, incremental=since_full != 0))
        moment += interval
    return projected


def project_backup(template: PlannedBackup, made_at: Micros, *, incremental: bool) -> PlannedBackup:
    """Return a usable backup of the same volume and group as `template`, made at `made_at`."""
    return replace(
        template,
        id=f"{FUTURE_ID}{made_at:020d}",
        made_at=made_at,
        status=AVAILABLE,
        incremental=incremental,
        data_at=None,
        has_dependents=False,
        **_NO_VERDICT,
    )


def without_verdict(row: PlannedBackup) -> PlannedBackup:
    """Return a copy of the backup as it was before the rules were applied. A backup outside the set is not changed."""
    if not row.in_set:
        return replace(row)
    reasons = (Reason.HELD,) if Reason.HELD in row.reasons else ()
    return replace(row, **{**_NO_VERDICT, "reasons": reasons})


def _full_every(copies: Sequence[PlannedBackup]) -> int:
    """Return the distance between the last two full backups, counted in backups; 0 if there are fewer than two."""
    fulls = [position for position, row in enumerate(copies) if row.incremental is False][:2]
    return fulls[1] - fulls[0] if len(fulls) == 2 else 0


_NO_VERDICT: Final = {"keep": True, "reasons": (), "in_set": True, "selected_since": None, "due_at": None}
