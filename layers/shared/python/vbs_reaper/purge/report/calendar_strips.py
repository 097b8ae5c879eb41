"""The backups of a group by day in the policy's time zone, and what the calendar shows for each day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from vbs_reaper.purge.calendar.zone import Micros, Zone
from vbs_reaper.purge.planned_backup import PlannedBackup, newest_first
from vbs_reaper.purge.report.legend import Mark, mark_of

WEEKS_PER_ROW: Final = 53
WEEKS_LIMIT: Final = 4 * WEEKS_PER_ROW


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The backups of one day, newest first, and the mark that its square shows."""

    date: date
    mark: Mark
    rows: Sequence[PlannedBackup]

    @property
    def backups(self) -> int:
        """The number of backups made on this day."""
        return len(self.rows)

    @property
    def deletions(self) -> int:
        """The number of backups that are deleted, now or when their grace ends."""
        return sum(not row.keep for row in self.rows)

    @property
    def is_mixed(self) -> bool:
        """Whether some backups of this day are kept and others are deleted."""
        return 0 < self.deletions < self.backups

    @property
    def sentence(self) -> str:
        """The content of the square as text."""
        counts = "" if self.backups == 1 else f"{self.backups} backups, {self.deletions} to be deleted; shown: "
        return f"{self.date:%a %d %b %Y}: {counts}{self.mark.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A row of weeks, shown side by side. The first week begins on the Monday `start`."""

    start: date
    weeks: int
    days: Sequence[Day]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """All strips of a group, newest first.

    `not_drawn` is the number of backups that are older than the strips, dated in the future or without a date.
    """

    strips: Sequence[Strip]
    not_drawn: int


def days_of(backups: Iterable[PlannedBackup], zone: Zone, now: Micros) -> dict[date, Day]:
    """Return the days that have backups, newest first. Backups dated later than `now` are left out."""
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
    weeks_per_row: int = WEEKS_PER_ROW,
    weeks_limit: int | None = WEEKS_LIMIT,
) -> Calendar:
    """Arrange the days of a group in strips of `weeks_per_row` weeks that end with the week of the plan.

    `weeks_limit` is the maximum number of weeks in all strips together; None means no limit. The page uses the
    defaults, a strip per year; the CLI passes the width of the terminal and no limit. Each strip ends where the next
    newer one begins. Strips without backups are left out, except the newest.
    """
    days = days_of(backups, zone, now)
    if not days:
        return Calendar(strips=(), not_drawn=len(backups))
    last = _monday(zone.local(now).date())
    weeks = (last - _monday(min(days))).days // 7 + 1
    if weeks_limit is not None:
        weeks = min(weeks, weeks_limit)
    strips = []
    for after in range(0, weeks, weeks_per_row):
        width = min(weeks_per_row, weeks - after)
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
