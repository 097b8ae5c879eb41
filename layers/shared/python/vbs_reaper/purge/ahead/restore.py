"""How far back one can still go: the copies that remain, asked by moments people think in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.duration import Duration
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone

ASKED: Final = (
    ("yesterday", Duration(days=1)),
    ("a week ago", Duration(days=7)),
    ("a month ago", Duration(months=1)),
    ("three months ago", Duration(months=3)),
    ("a year ago", Duration(years=1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """To go back to `wanted`, take the copy of `best` (the newest not later); None where all are later."""

    asked: str
    wanted: Micros
    best: Micros | None


def restore_points(backups: Iterable[PlannedBackup], zone: Zone, now: Micros) -> tuple[RestorePoint, ...]:
    """For each of the usual questions the copy that remains after the plan."""
    times = sorted(
        (row.made_at for row in backups if row.keep and row.is_copy and row.made_at is not None), reverse=True
    )
    return tuple(
        RestorePoint(asked=asked, wanted=wanted, best=next((time for time in times if time <= wanted), None))
        for asked, span in ASKED
        for wanted in (zone.back(now, span),)
    )
