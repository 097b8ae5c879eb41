"""Guards for the days on which graces end: the backlog of a new policy becomes due all at once, after its grace."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from vbs_reaper.purge.calendar.zone import Micros, Zone
from vbs_reaper.purge.plan_summary import Totals
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.guards import ONLY_COPIES, read_guard_of_only_copies, read_guards
from vbs_reaper.text import count


def warn_of_guards_ahead(
    policy: PurgePolicy, zone: Zone, rows: Sequence[PlannedBackup], totals: Totals, now: Micros
) -> tuple[str, ...]:
    """Return a warning for the first day on which the ends of graces would exceed a guard.

    It is assumed that the policy runs every day, and that each run deletes what is due.
    """
    days = _in_grace_by_day(zone, rows, now)
    left_without = _left_without_by_day(zone, rows, now) if days and policy.group_by != "volume" else Counter[date]()
    matched = totals.matched - totals.due
    for day, groups in sorted(days.items()):
        due = groups.total()
        readings = [
            *read_guards(policy.guards, due, matched, max(groups.values())),
            read_guard_of_only_copies(policy.guards, left_without[day]),
        ]
        exceeded = [guard for guard in readings if guard.exceeded]
        if exceeded:
            sentences = "; ".join(guard.sentence for guard in exceeded)
            leaves_out = any(guard.guard == ONLY_COPIES for guard in exceeded)
            before = "" if leaves_out else "approve a plan with include_grace before that day, "
            return (
                f"On {day} the grace of {count(due, 'backup')} ends, and a guard would refuse that run: {sentences}. "
                f"Review the backups in grace; then {before}approve the refused plan on that day, or change the "
                "guards.",
            )
        matched -= due
    return ()


def _in_grace_by_day(zone: Zone, rows: Iterable[PlannedBackup], now: Micros) -> dict[date, Counter[str | None]]:
    """Return how many backups of each group become due, by local day."""
    by_moment: dict[Micros, Counter[str | None]] = {}
    for row in rows:
        if row.due_at is not None and row.due_at > now:
            by_moment.setdefault(row.due_at, Counter())[row.group] += 1
    by_day: dict[date, Counter[str | None]] = {}
    for moment, groups in by_moment.items():
        by_day.setdefault(zone.local(moment).date(), Counter()).update(groups)
    return by_day


def _left_without_by_day(zone: Zone, rows: Iterable[PlannedBackup], now: Micros) -> Counter[date]:
    """Return how many volumes lose their last usable copy, by local day."""
    last: dict[str, Micros | None] = {}
    for row in rows:
        if row.is_copy and row.volume_id:
            so_far = last.get(row.volume_id, row.due_at)
            last[row.volume_id] = None if so_far is None or row.due_at is None else max(so_far, row.due_at)
    return Counter(zone.local(moment).date() for moment in last.values() if moment is not None and moment > now)
