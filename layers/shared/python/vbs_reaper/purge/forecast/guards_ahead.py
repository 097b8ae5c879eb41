"""Guards for the days on which graces end: the backlog of a new policy becomes due all at once, after its grace."""

from collections import Counter
from collections.abc import Iterable
from datetime import date

from vbs_reaper.purge.calendar.zone import Micros, Zone
from vbs_reaper.purge.plan_summary import Totals
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import Guards
from vbs_reaper.purge.rules.guards import read_guards


def warn_of_guards_ahead(
    guards: Guards, zone: Zone, rows: Iterable[PlannedBackup], totals: Totals, now: Micros
) -> tuple[str, ...]:
    """Return a warning for the first day on which the ends of graces would exceed a guard.

    It is assumed that the policy runs every day, and that each run deletes what is due.
    """
    matched = totals.matched - totals.due
    for day, groups in sorted(_in_grace_by_day(zone, rows, now).items()):
        due = groups.total()
        exceeded = [guard for guard in read_guards(guards, due, matched, max(groups.values())) if guard.exceeded]
        if exceeded:
            sentences = "; ".join(guard.sentence for guard in exceeded)
            return (
                f"On {day} the grace of {due:,} backups ends, and a guard would refuse that run: {sentences}. Review "
                "the backups in grace; then approve a plan with include_grace before that day, approve the refused "
                "plan on that day, or change the guards.",
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
