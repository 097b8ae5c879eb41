"""What later runs of the same policy would do, if each group goes on being backed up at its own rhythm."""

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from vbs_reaper.purge.ahead.future import DAY
from vbs_reaper.purge.ahead.future import FUTURE_ID
from vbs_reaper.purge.ahead.future import coming
from vbs_reaper.purge.ahead.future import is_dormant
from vbs_reaper.purge.ahead.future import rhythm
from vbs_reaper.purge.ahead.future import undecided
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.duration import Duration
from vbs_reaper.purge.time.duration import read_duration
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone
from vbs_reaper.purge.time.zone import load_zone
from vbs_reaper.purge.verdict.decision import Decision
from vbs_reaper.purge.verdict.decision import group_up

DAYS: Final = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """For each of today's backups that goes within the days ahead: the day, 0 being today."""

    days: int
    going: Mapping[str, int]


def forecast(plan: Plan, backups: Sequence[PlannedBackup], days: int = DAYS) -> Forecast:
    """Run the policy once a day over these backups of the plan and those that will be made meanwhile.

    What falls out of the rules is due when its grace is over. Guards are left out: they only delay.
    """
    going = {row.id: 0 for row in backups if row.is_due(plan.made_at)}
    zone = load_zone(plan.policy.timezone)
    for row in backups:
        if row.due_at is not None and row.id not in going:
            going[row.id] = _day(plan, row.due_at)
    groups = [_Group(rows, plan.made_at, plan.made_at + days * DAY) for rows in group_up(backups).values()]
    for day in range(1, days + 1):
        now = plan.made_at + day * DAY
        for row_id in _falling_out(plan, zone, groups, now):
            going.setdefault(row_id, _day(plan, _after_grace(plan, zone, now)))
    return Forecast(days=days, going={row_id: day for row_id, day in going.items() if day <= days})


class _Group:
    """What stays of a group today, and what it will have until the end of the days ahead."""

    def __init__(self, rows: Sequence[PlannedBackup], start: Micros, until: Micros) -> None:
        copies = [row for row in rows if row.is_copy]
        self._kept = [row for row in rows if row.keep]
        self._coming: list[PlannedBackup] = []
        if not is_dormant(copies, start):
            first = (copies[0].made_at or start) + rhythm(copies)
            self._coming = coming(copies, max(first, start + 1), until)

    def at(self, now: Micros) -> list[PlannedBackup]:
        """All of it at that moment, before any verdict."""
        return [*(replace(row) for row in self._coming if (row.made_at or now) <= now), *map(undecided, self._kept)]


def _falling_out(plan: Plan, zone: Zone, groups: Sequence[_Group], now: Micros) -> list[str]:
    """Today's kept backups that no rule keeps any more at that moment."""
    then = {str(position): group.at(now) for position, group in enumerate(groups)}
    everything = [row for rows in then.values() for row in rows]
    Decision(plan.policy, zone, plan.service, now).decide(then, everything)
    return [row.id for row in everything if not row.keep and not row.id.startswith(FUTURE_ID)]


def _after_grace(plan: Plan, zone: Zone, since: Micros) -> Micros:
    grace = Duration() if plan.policy.grace is UNSET else read_duration(plan.policy.grace)
    return zone.ahead(since, grace)


def _day(plan: Plan, moment: Micros) -> int:
    """How many days after the plan, counted up: what is due at noon goes with the next run."""
    return -((plan.made_at - moment) // DAY)
