"""A time zone, and the hour, day, week, month and year to which an instant belongs in it.

Instants are whole microseconds since 1970-01-01 UTC, because a `datetime` object for each of a million backups would be
too expensive.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from vbs_reaper.purge.calendar.duration import Duration
from vbs_reaper.timestamps import MICROSECOND, UTC_EPOCH

Micros = int
"""Microseconds since 1970-01-01T00:00:00Z."""

Periods = tuple[int, int, int, int, int]
"""Numbers of the hour, day, ISO week, month and year of an instant. No two periods of a kind have the same number."""

HOUR, DAY, WEEK, MONTH, YEAR = range(5)

_MINUTE = 60_000_000
_QUARTER = 15 * _MINUTE

LONG_AGO: Micros = (datetime(1, 1, 2, tzinfo=UTC) - UTC_EPOCH) // MICROSECOND
"""Earlier than every backup: the result of subtracting a duration that leads out of the calendar."""

FAR_AHEAD: Micros = (datetime(9999, 12, 30, tzinfo=UTC) - UTC_EPOCH) // MICROSECOND
"""Later than every plan: the result of adding such a duration."""


class Zone:
    """A zone of the tz database, taken from the package `tzdata` so that results do not depend on the machine."""

    def __init__(self, name: str, zone: ZoneInfo) -> None:
        self.name = name
        self._zone = zone
        self._quarters: dict[int, Periods | None] = {}
        self._hours: dict[int, Periods] = {}

    def periods(self, instant: Micros) -> Periods:
        """Return hour, day, week, month and year of an instant.

        Results are cached per quarter of an hour, because scheduled backups are made at similar times.
        """
        quarter = instant // _QUARTER
        try:
            found = self._quarters[quarter]
        except KeyError:
            found = self._quarters[quarter] = self._periods_of_quarter(quarter)
        return found or self._periods(instant)

    def back(self, instant: Micros, span: Duration) -> Micros:
        """Return the instant that is earlier by the duration, calculated as restic does, by this zone's calendar."""
        return self._shift(instant, span, -1)

    def ahead(self, instant: Micros, span: Duration) -> Micros:
        """Return the instant that is later by the duration, by this zone's calendar."""
        return self._shift(instant, span, 1)

    def local(self, instant: Micros) -> datetime:
        """Return the local time. An instant outside the calendar is moved to the nearest end of the calendar."""
        return to_datetime(min(max(instant, LONG_AGO), FAR_AHEAD)).astimezone(self._zone)

    def _periods_of_quarter(self, quarter: int) -> Periods | None:
        """Return the periods of a quarter of an hour; None if the local clock is changed within it."""
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
        """Return the instant of a local time.

        A local time may occur twice or not at all. The offset used is the one in force when UTC shows the same time. If
        it is not in force at the resulting instant, the offset in force there is used instead. This matches the
        observed behaviour of restic.
        """
        as_utc = wall.replace(tzinfo=UTC)
        offset = self._offset(as_utc)
        if (resulting := self._offset(as_utc - offset)) != offset:
            offset = resulting
        return to_micros(as_utc - offset)

    def _offset(self, instant: datetime) -> timedelta:
        return instant.astimezone(self._zone).utcoffset() or timedelta()


@cache
def zone_names() -> tuple[str, ...]:
    """Return the names of all zones of the tz database."""
    return tuple(files("tzdata").joinpath("zones").read_text().split())


def load_zone(name: str) -> Zone:
    """Load a zone by its name.

    Raises:
        KeyError: the tz database has no zone of that name.
    """
    if name not in zone_names():
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return Zone(name, ZoneInfo.from_file(file, key=name))


def to_micros(moment: datetime) -> Micros:
    """Convert an aware datetime to microseconds since 1970 UTC."""
    return (moment - UTC_EPOCH) // MICROSECOND


def to_datetime(instant: Micros) -> datetime:
    """Convert microseconds since 1970 UTC to a datetime in UTC."""
    return UTC_EPOCH + timedelta(microseconds=instant)


def to_text(instant: Micros) -> str:
    """Format an instant as RFC 3339 in UTC. A fraction of a second is written only if it is not 0."""
    return to_datetime(instant).isoformat().replace("+00:00", "Z")
