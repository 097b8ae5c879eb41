"""Zones by value: their names, and what days and durations are at the edges of the calendar."""

from datetime import UTC, datetime

import pytest

from vbs_reaper.purge.calendar.duration import read_duration
from vbs_reaper.purge.calendar.zone import DAY, FAR_AHEAD, HOUR, LONG_AGO, MONTH, WEEK, load_zone, to_micros


def at(*parts: int) -> int:
    year, month, day, hour, minute = (*parts, 0, 0)[:5]
    return to_micros(datetime(year, month, day, hour, minute, tzinfo=UTC))


def test_a_zone_goes_by_its_name() -> None:
    berlin = load_zone("Europe/Berlin")
    assert berlin.name == "Europe/Berlin"
    assert str(berlin.local(0).tzinfo) == "Europe/Berlin"


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(KeyError, match="^'Europe/Bonn'$"):
        load_zone("Europe/Bonn")


@pytest.mark.parametrize(
    ("period", "one", "other"),
    [
        (HOUR, (2026, 11, 1, 1), (2026, 11, 25, 0)),
        (DAY, (2026, 11, 25), (2027, 11, 25)),
        (WEEK, (2026, 1, 7), (2126, 1, 2)),
        (MONTH, (2026, 2, 1), (2038, 1, 1)),
    ],
)
def test_no_two_periods_share_a_number(period: int, one: tuple[int, ...], other: tuple[int, ...]) -> None:
    utc = load_zone("UTC")
    assert utc.periods(at(*one))[period] != utc.periods(at(*other))[period]


def test_every_minute_of_an_hour_is_of_that_hour() -> None:
    utc = load_zone("UTC")
    hours = [utc.periods(at(2026, 11, 25, 3, minute))[HOUR] for minute in range(60)]
    assert len({*hours, utc.periods(at(2026, 11, 25, 4))[HOUR]}) == 2


def test_a_duration_beyond_the_calendar_ends_at_its_end() -> None:
    utc, ages = load_zone("UTC"), read_duration("9999y")
    assert utc.back(at(2026, 11, 25), ages) == LONG_AGO
    assert utc.ahead(at(2026, 11, 25), ages) == FAR_AHEAD


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Asia/Manila", "Etc/GMT+12"])
def test_the_clock_reads_the_calendars_ends_beyond_them(zone: str) -> None:
    there = load_zone(zone)
    assert there.local(LONG_AGO - 10**18) == there.local(LONG_AGO) == datetime(1, 1, 2, tzinfo=UTC)
    assert there.local(FAR_AHEAD + 10**18) == there.local(FAR_AHEAD) == datetime(9999, 12, 30, tzinfo=UTC)
    assert there.periods(FAR_AHEAD + 10**18) == there.periods(FAR_AHEAD)


def test_the_clock_reads_every_instant_between_the_calendars_ends() -> None:
    utc = load_zone("UTC")
    assert utc.local(LONG_AGO + 1) == datetime(1, 1, 2, microsecond=1, tzinfo=UTC)
    assert utc.local(FAR_AHEAD - 1) == datetime(9999, 12, 29, 23, 59, 59, 999999, tzinfo=UTC)


def test_a_day_back_over_a_change_of_the_clock_is_the_same_reading() -> None:
    new_york = load_zone("America/New_York")
    assert new_york.back(at(2026, 11, 2, 8), read_duration("1d")) == at(2026, 11, 1, 8)
