"""Backups that are not made yet: a group goes on as it did, at its own rhythm. For advice and for looking ahead."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low
from typing import Final

from msgspec.structs import replace

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.planned import AVAILABLE
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.zone import LONG_AGO
from vbs_reaper.purge.time.zone import Micros

DAY: Final[Micros] = 24 * 3600 * 1_000_000
FUTURE_ID: Final = "~"
"""How the ids of backups begin that are only imagined."""

_LOOK_BACK: Final = 15
_MISSED: Final = 3
_HOUR: Final[Micros] = DAY // 24


def rhythm(copies: Sequence[PlannedBackup]) -> Micros:
    """How long it usually is from one copy of a group to the next; a day where one cannot tell. Newest first."""
    times = [row.made_at for row in copies[:_LOOK_BACK] if row.made_at is not None]
    gaps = [later - earlier for later, earlier in pairwise(times)]
    return max(_HOUR, median_low(gaps)) if gaps else DAY


def is_dormant(copies: Sequence[PlannedBackup], now: Micros) -> bool:
    """Whether the group has stopped: it missed its last three backups or never had a rhythm. Newest first."""
    if len(copies) < 2:
        return True
    return (copies[0].made_at or LONG_AGO) + _MISSED * rhythm(copies) < now


def coming(copies: Sequence[PlannedBackup], start: Micros, until: Micros) -> list[PlannedBackup]:
    """The copies a group will have from `start` on, one each rhythm, if it goes on as it did."""
    pace = rhythm(copies)
    full_every = _full_every(copies)
    found: list[PlannedBackup] = []
    moment, since_full = start, next((i for i, row in enumerate(copies) if row.incremental is False), 0)
    while moment <= until:
        since_full = (since_full + 1) % full_every if full_every else since_full + 1
        found.append(imagine(copies[0], moment, incremental=since_full != 0))
        moment += pace
    return found


def imagine(like: PlannedBackup, made_at: Micros, *, incremental: bool) -> PlannedBackup:
    """A usable backup like this one, made then."""
    return replace(
        like,
        id=f"{FUTURE_ID}{made_at:020d}",
        made_at=made_at,
        status=AVAILABLE,
        incremental=incremental,
        data_at=None,
        has_dependents=False,
        **_UNDECIDED,
    )


def undecided(row: PlannedBackup) -> PlannedBackup:
    """The backup before any verdict; one that is out of the set keeps its own."""
    if not row.in_set:
        return replace(row)
    reasons = (Reason.HELD,) if Reason.HELD in row.reasons else ()
    return replace(row, **{**_UNDECIDED, "reasons": reasons})


def _full_every(copies: Sequence[PlannedBackup]) -> int:
    """Every which backup is a full one, by the last two; 0 where one cannot tell."""
    fulls = [position for position, row in enumerate(copies) if row.incremental is False][:2]
    return fulls[1] - fulls[0] if len(fulls) == 2 else 0


_UNDECIDED: Final = {"keep": True, "reasons": (), "in_set": True, "selected_since": None, "due_at": None}
