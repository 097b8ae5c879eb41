"""A group's backups by the days of its policy's time zone: what is drawn on each."""

from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from datetime import timedelta
from typing import Final

from vbs_reaper.purge.picture.marks import Mark
from vbs_reaper.purge.picture.marks import mark_of
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import newest_first
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone

WEEKS_A_ROW: Final = 53
WEEKS_LIMIT: Final = 4 * WEEKS_A_ROW


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The backups of one day: what its square shows, and how many of them go."""

    date: date
    mark: Mark
    rows: Sequence[PlannedBackup]

    @property
    def backups(self) -> int:
        """How many were made on it."""
        return len(self.rows)

    @property
    def going(self) -> int:
        """How many of them go, now or after their grace."""
        return sum(not row.keep for row in self.rows)

    @property
    def is_mixed(self) -> bool:
        """Whether some of its backups stay and others go."""
        return 0 < self.going < self.backups

    @property
    def sentence(self) -> str:
        """The square in words."""
        many = "" if self.backups == 1 else f"{self.backups} backups, {self.going} go: "
        return f"{self.date:%a %d %b %Y}: {many}{self.mark.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Up to a year of weeks side by side, from the Monday `start` on."""

    start: date
    weeks: int
    days: Sequence[Day]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """All strips of a group, newest first; `not_drawn` backups are older than there is room for, or have no date."""

    strips: Sequence[Strip]
    not_drawn: int


def days_of(backups: Iterable[PlannedBackup], zone: Zone, now: Micros) -> dict[date, Day]:
    """Each day that has backups, newest first; one dated later than now is on no day."""
    by_day: dict[date, list[PlannedBackup]] = {}
    dated = (row for row in backups if row.made_at is not None and row.made_at <= now)
    for row in sorted(dated, key=newest_first, reverse=True):
        by_day.setdefault(zone.local(row.made_at or 0).date(), []).append(row)
    return {day: _day(day, rows, now) for day, rows in by_day.items()}


def calendar_of(
    backups: Sequence[PlannedBackup],
    zone: Zone,
    now: Micros,
    *,
    weeks_a_row: int = WEEKS_A_ROW,
    weeks_limit: int | None = WEEKS_LIMIT,
) -> Calendar:
    """Lay a group's days out in strips of a year, up to the day of the plan.

    A terminal has strips of `weeks_a_row`, and no limit: each strip begins where the older one ends.
    """
    days = days_of(backups, zone, now)
    if not days:
        return Calendar(strips=(), not_drawn=len(backups))
    last = _monday(zone.local(now).date())
    weeks = (last - _monday(min(days))).days // 7 + 1
    if weeks_limit is not None:
        weeks = min(weeks, weeks_limit)
    strips = []
    for after in range(0, weeks, weeks_a_row):
        width = min(weeks_a_row, weeks - after)
        start = last - timedelta(weeks=after + width - 1)
        inside = [day for when, day in sorted(days.items()) if start <= when < start + timedelta(weeks=width)]
        if inside or not after:
            strips.append(Strip(start=start, weeks=width, days=inside))
    drawn = sum(day.backups for strip in strips for day in strip.days)
    return Calendar(strips=strips, not_drawn=len(backups) - drawn)


def _day(day: date, rows: Sequence[PlannedBackup], now: Micros) -> Day:
    marks = [mark_of(row, now) for row in rows]
    order = list(Mark)
    return Day(date=day, mark=min(marks, key=order.index), rows=rows)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
