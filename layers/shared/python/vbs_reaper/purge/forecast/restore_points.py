"""The restore points that remain after a plan: the best copy for each of some common ages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vbs_reaper.purge.calendar.duration import Duration
from vbs_reaper.purge.calendar.zone import Micros, Zone
from vbs_reaper.purge.planned_backup import PlannedBackup

AGES: Final = (
    ("yesterday", Duration(days=1)),
    ("a week ago", Duration(days=7)),
    ("a month ago", Duration(months=1)),
    ("three months ago", Duration(months=3)),
    ("a year ago", Duration(years=1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePoint:
    """The copy from which the state of an earlier moment can be restored.

    `wanted` is the moment, `label` its age in words. `best` is when the newest copy that is not later was made; None if
    there is no such copy.
    """

    label: str
    wanted: Micros
    best: Micros | None


def restore_points(backups: Iterable[PlannedBackup], zone: Zone, now: Micros) -> tuple[RestorePoint, ...]:
    """Return one restore point for each of `AGES`, considering only the copies that the plan keeps."""
    times = sorted(
        (row.made_at for row in backups if row.keep and row.is_copy and row.made_at is not None), reverse=True
    )
    return tuple(_restore_point(label, zone.back(now, age), times) for label, age in AGES)


def _restore_point(label: str, wanted: Micros, times: Sequence[Micros]) -> RestorePoint:
    best = next((made_at for made_at in times if made_at <= wanted), None)
    return RestorePoint(label=label, wanted=wanted, best=best)
