"""When a selected backup is due: at once, or when it has stood in every plan for the policy's grace."""

from collections.abc import Iterable
from collections.abc import Mapping

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import identity_of
from vbs_reaper.purge.time.duration import Duration
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone


def set_due(
    rows: Iterable[PlannedBackup], standing: Mapping[str, PlannedBackup], zone: Zone, now: Micros, grace: Duration
) -> None:
    """Carry `selected_since` over from what stands since earlier plans, and tell when each selected backup is due."""
    ends: dict[Micros, Micros] = {}
    for row in rows:
        if row.keep:
            continue
        earlier = standing.get(row.id)
        same = earlier is not None and identity_of(earlier) == identity_of(row)
        since = earlier.selected_since if earlier is not None and same else None
        row.selected_since = now if since is None else since
        if row.selected_since not in ends:
            ends[row.selected_since] = zone.ahead(row.selected_since, grace)
        row.due_at = ends[row.selected_since]


def mark_grace(rows: Iterable[PlannedBackup], now: Micros) -> None:
    """Say of each backup whose time has not come that it is in its grace."""
    for row in rows:
        if row.due_at is not None and row.due_at > now:
            row.reasons = (*row.reasons, Reason.IN_GRACE)
