"""Grace: when a selected backup is due. Without grace, at once; else after it has been selected for that long."""

from collections.abc import Iterable

from vbs_reaper.purge.calendar.duration import Duration
from vbs_reaper.purge.calendar.zone import Micros, Zone
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.reasons import Reason


def set_due(rows: Iterable[PlannedBackup], zone: Zone, now: Micros, grace: Duration, *, last_plan_counts: bool) -> None:
    """Set `selected_since` and `due_at` of each selected backup.

    If `last_plan_counts`, each grace continues from the `selected_since` that was noted from the last plan.
    """
    ends: dict[Micros, Micros] = {}
    for row in rows:
        if row.keep:
            row.selected_since = None
            continue
        if row.selected_since is None or not last_plan_counts:
            row.selected_since = now
        if row.selected_since not in ends:
            ends[row.selected_since] = zone.ahead(row.selected_since, grace)
        row.due_at = ends[row.selected_since]


def mark_grace(rows: Iterable[PlannedBackup], now: Micros) -> None:
    """Add the reason `in_grace` to each selected backup that is not due yet."""
    for row in rows:
        if row.due_at is not None and row.due_at > now:
            row.reasons = (*row.reasons, Reason.IN_GRACE)
