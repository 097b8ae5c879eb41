"""A time zone for rules about days: which hour, day, week, month and year an instant belongs to.

Instants are whole microseconds since 1970 UTC: a million backups get no `datetime` each.
"""

from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from vbs_reaper.purge.time.duration import Duration

Micros = int
"""Microseconds since 1970-01-01T00:00:00Z."""

Periods = tuple[int, int, int, int, int]
"""Numbers of the hour, day, ISO week, month and year that an instant falls into, each unlike every other's."""

HOUR, DAY, WEEK, MONTH, YEAR = range(5)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000_000
_QUARTER = 15 * _MINUTE
_MICROSECOND = timedelta(microseconds=1)

LONG_AGO: Micros = (datetime(1, 1, 2, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""Before every backup: where a duration leads back to that is longer than the calendar."""

FAR_AHEAD: Micros = (datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""After every plan: where such a duration leads ahead to."""


class Zone:
    """A zone of the tz database (the `tzdata` package's, so that every machine knows the same days)."""

    def __init__(self, name: str, zone: ZoneInfo) -> None:
        self.name = name
        self._zone = zone
        self._quarters: dict[int, Periods | None] = {}
        self._hours: dict[int, Periods] = {}

    def periods(self, instant: Micros) -> Periods:
        """Hour, day, week, month and year of an instant; remembered, as schedules repeat their minutes."""
        quarter = instant // _QUARTER
        try:
            found = self._quarters[quarter]
        except KeyError:
            found = self._quarters[quarter] = self._periods_of_quarter(quarter)
        return found or self._periods(instant)

    def back(self, instant: Micros, span: Duration) -> Micros:
        """The instant that much earlier by this zone's calendar, as restic reckons it."""
        return self._shift(instant, span, -1)

    def ahead(self, instant: Micros, span: Duration) -> Micros:
        """The instant that much later by this zone's calendar."""
        return self._shift(instant, span, 1)

    def local(self, instant: Micros) -> datetime:
        """The wall clock's reading; of an instant beyond the calendar, the calendar's end."""
        return to_datetime(min(max(instant, LONG_AGO), FAR_AHEAD)).astimezone(self._zone)

    def _periods_of_quarter(self, quarter: int) -> Periods | None:
        """What all minutes of a quarter of an hour share; None where the clock is set in between."""
        first = self._periods(quarter * _QUARTER)
        return first if first == self._periods(quarter * _QUARTER + 14 * _MINUTE) else None

    def _periods(self, instant: Micros) -> Periods:
        wall = self.local(instant)
        day = wall.toordinal()
        hour = day * 24 + wall.hour
        if hour not in self._hours:
            week_year, week, _ = wall.isocalendar()
            self._hours[hour] = (hour, day, week_year * 100 + week, wall.year * 12 + wall.month, wall.year)
        return self._hours[hour]

    def _shift(self, instant: Micros, span: Duration, sign: int) -> Micros:
        wall = self.local(instant)
        months = wall.year * 12 + wall.month - 1 + sign * (span.years * 12 + span.months)
        try:
            first = date(months // 12, months % 12 + 1, 1)
            day = first + timedelta(days=wall.day - 1 + sign * span.days)
            shifted = self._instant(datetime.combine(day, wall.time())) + sign * span.hours * 60 * _MINUTE
            return min(max(shifted, LONG_AGO), FAR_AHEAD)
        except (ValueError, OverflowError):
            return LONG_AGO if sign < 0 else FAR_AHEAD

    def _instant(self, wall: datetime) -> Micros:
        """The instant of a wall clock's reading.

        A reading that the clock shows twice or never is taken with the offset in force at the same reading in UTC, or,
        where that does not lead into its own reign, with the one it leads to: what restic was seen to do.
        """
        reading = wall.replace(tzinfo=UTC)
        offset = self._offset(reading)
        if (right := self._offset(reading - offset)) != offset:
            offset = right
        return to_micros(reading - offset)

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self._zone).utcoffset() or timedelta()


@cache
def zone_names() -> tuple[str, ...]:
    """Every zone of the tz database, by name."""
    return tuple(files("tzdata").joinpath("zones").read_text().split())


def load_zone(name: str) -> Zone:
    """Load a zone by its name.

    Raises:
        KeyError: nobody knows such a zone.
    """
    if name not in zone_names():
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return Zone(name, ZoneInfo.from_file(file, key=name))


def to_micros(moment: datetime) -> Micros:
    """An aware datetime as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(instant: Micros) -> datetime:
    """Microseconds since 1970 UTC as a datetime in UTC."""
    return _EPOCH + timedelta(microseconds=instant)


def to_text(instant: Micros) -> str:
    """RFC 3339 in UTC, with a fraction only where there is one."""
    return to_datetime(instant).isoformat().replace("+00:00", "Z")
