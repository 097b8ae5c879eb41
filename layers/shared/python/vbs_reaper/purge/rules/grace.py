"""Grace: when a selected backup is due. Without grace, at once; else after it has been selected for that long."""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET

from vbs_reaper.purge.calendar.duration import Duration, read_duration
from vbs_reaper.purge.calendar.zone import Micros, Zone
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.reasons import Reason

GRACE_SLACK: Final = "48h"
"""A last plan that is not older than this always counts for a grace, even if the grace is shorter."""


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


def oldest_that_counts(policy: PurgePolicy, zone: Zone, now: Micros) -> tuple[Micros, str]:
    """Return since when a last plan counts for a grace, and as a duration: the grace or 48 h, whichever is longer."""
    ages = [GRACE_SLACK] if policy.grace is UNSET else [GRACE_SLACK, policy.grace]
    return min((zone.back(now, read_duration(age)), age) for age in ages)
