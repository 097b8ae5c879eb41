"""Forecast of what later runs of a policy would delete if each group is still backed up at its median interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from vbs_reaper.purge.calendar.duration import Duration, read_duration
from vbs_reaper.purge.calendar.zone import Micros, Zone, load_zone
from vbs_reaper.purge.forecast.projection import (
    DAY,
    FUTURE_ID,
    is_dormant,
    median_interval,
    projected_backups,
    without_verdict,
)
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.rules.rule_set import RuleSet, group_up

DAYS: Final = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """When today's backups will be deleted within the next `days` days.

    `deletion_days` maps the ID of each backup that will be deleted to the number of days from today; 0 is today.
    """

    days: int
    deletion_days: Mapping[str, int]


def forecast(plan: Plan, backups: Sequence[PlannedBackup], days: int = DAYS) -> Forecast:
    """Simulate one run of the policy per day over the given backups of the plan and those projected to be made.

    A backup that the rules no longer keep is due when its grace ends. Guards are not simulated, because they only delay
    deletions.
    """
    deletion_days = {row.id: 0 for row in backups if row.is_due(plan.made_at)}
    zone = load_zone(plan.policy.timezone)
    for row in backups:
        if row.due_at is not None and row.id not in deletion_days:
            deletion_days[row.id] = _day(plan, row.due_at)
    groups = [_Group(rows, plan.made_at, plan.made_at + days * DAY) for rows in group_up(backups).values()]
    for day in range(1, days + 1):
        now = plan.made_at + day * DAY
        for row_id in _no_longer_kept(plan, zone, groups, now):
            deletion_days.setdefault(row_id, _day(plan, _after_grace(plan, zone, now)))
    return Forecast(days=days, deletion_days={row_id: day for row_id, day in deletion_days.items() if day <= days})


class _Group:
    """The backups of a group that are kept today, and those projected until the end of the forecast."""

    def __init__(self, rows: Sequence[PlannedBackup], start: Micros, until: Micros) -> None:
        copies = [row for row in rows if row.is_copy]
        self._kept = [row for row in rows if row.keep]
        self._projected: list[PlannedBackup] = []
        if not is_dormant(copies, start):
            first = (copies[0].made_at or start) + median_interval(copies)
            self._projected = projected_backups(copies, max(first, start + 1), until)

    def at(self, now: Micros) -> list[PlannedBackup]:
        """Return the backups that the group has at that moment, before the rules are applied."""
        return [
            *(replace(row) for row in self._projected if (row.made_at or now) <= now),
            *map(without_verdict, self._kept),
        ]


def _no_longer_kept(plan: Plan, zone: Zone, groups: Sequence[_Group], now: Micros) -> list[str]:
    """Return the IDs of today's kept backups that no rule keeps at the given moment."""
    future_groups = {str(position): group.at(now) for position, group in enumerate(groups)}
    everything = [row for rows in future_groups.values() for row in rows]
    RuleSet(plan.policy, zone, plan.service, now).apply(future_groups, everything)
    return [row.id for row in everything if not row.keep and not row.id.startswith(FUTURE_ID)]


def _after_grace(plan: Plan, zone: Zone, since: Micros) -> Micros:
    grace = Duration() if plan.policy.grace is UNSET else read_duration(plan.policy.grace)
    return zone.ahead(since, grace)


def _day(plan: Plan, moment: Micros) -> int:
    """Return the number of days after the plan, rounded up: what is due at noon is deleted by the next run."""
    return -((plan.made_at - moment) // DAY)
