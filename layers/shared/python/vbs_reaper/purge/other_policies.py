"""Warns of other policies of the same target that keep backups which a plan selects: whoever deletes, wins."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from vbs_reaper.errors import InvalidPlan, PlanUnreadable
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import read_rows
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.ports import PlanStore, StoredDocument

OTHER_POLICIES: Final = 10
"""How many other policies are compared at most. The plan of each is read, which takes 20 s for a million backups."""
COMPARED_FOR: Final = timedelta(days=35)
"""A policy without a plan for this long is considered retired. Monthly policies have one."""


def warn_of_other_policies(plans: PlanStore, plan: Plan, now: datetime) -> tuple[str, ...]:
    """Return a warning for each other policy of the target that keeps backups which this plan selects.

    The newest stored plan of each is compared, whatever its mode. One that cannot be read is left out.
    """
    if not plan.totals.selected:
        return ()
    target = str(plan.policy.target)
    others = plans.newest_of_others(plan.policy.policy, target, OTHER_POLICIES)
    recent = [other for other in others if now - other.stored_at <= COMPARED_FOR]
    if not recent:
        return ()
    selected = {row.id for row in plan.selected}
    found = (_warning(other, selected, target) for other in recent)
    return tuple(warning for warning in found if warning is not None)


def _warning(document: StoredDocument, selected: set[str], target: str) -> str | None:
    kept = 0

    def count(rows: Iterable[PlannedBackup]) -> None:
        nonlocal kept
        kept += sum(row.in_set and row.keep and row.id in selected for row in rows)

    try:
        policy = read_rows(document.pieces(), count).policy
    except (InvalidPlan, PlanUnreadable):
        return None
    if not kept or policy.target != target:
        return None
    return (
        f'Policy "{policy.policy}" of the same target keeps {kept:,} of the backups that this policy selects, '
        f"according to its plan of {document.stored_at:%Y-%m-%d}; change a match, or make one policy of both."
    )
