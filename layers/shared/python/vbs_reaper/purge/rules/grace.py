"""Grace: when a selected backup is due. Without grace, at once; else after it has been selected for that long."""

from collections.abc import Iterable, Mapping

from vbs_reaper.purge.calendar.duration import Duration
from vbs_reaper.purge.calendar.zone import Micros, Zone
from vbs_reaper.purge.planned_backup import PlannedBackup, identity_of
from vbs_reaper.reasons import Reason


def set_due(
    rows: Iterable[PlannedBackup], earlier: Mapping[str, PlannedBackup], zone: Zone, now: Micros, grace: Duration
) -> None:
    """Set `selected_since` and `due_at` of each selected backup.

    `earlier` contains, by ID, the backups selected by the last plan that selects by the same rules. A backup takes over
    `selected_since` from there if volume, creation time and name are the same.
    """
    ends: dict[Micros, Micros] = {}
    for row in rows:
        if row.keep:
            continue
        last = earlier.get(row.id)
        same = last is not None and identity_of(last) == identity_of(row)
        since = last.selected_since if last is not None and same else None
        row.selected_since = now if since is None else since
        if row.selected_since not in ends:
            ends[row.selected_since] = zone.ahead(row.selected_since, grace)
        row.due_at = ends[row.selected_since]


def mark_grace(rows: Iterable[PlannedBackup], now: Micros) -> None:
    """Add the reason `in_grace` to each selected backup that is not due yet."""
    for row in rows:
        if row.due_at is not None and row.due_at > now:
            row.reasons = (*row.reasons, Reason.IN_GRACE)
