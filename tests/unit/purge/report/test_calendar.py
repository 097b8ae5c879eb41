"""A group's calendar: days of the zone, strips of a year, and what a day with several backups shows."""

from datetime import date, timedelta

from tests.unit.purge.strategies import NOW, Record, inventory, policy, record
from vbs_reaper.purge.calendar.zone import load_zone
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.report.calendar_strips import Calendar, calendar_of
from vbs_reaper.purge.report.legend import Mark


def calendar(rows: list[Record], zone: str = "UTC", **parts: object) -> Calendar:
    made = plan(policy(timezone=zone, **parts), inventory(rows), NOW)
    return calendar_of(made.backups, load_zone(zone), made.made_at)


def test_a_backup_is_drawn_on_its_day_in_the_zone() -> None:
    rows = [record(0, age=timedelta(hours=6))]
    assert calendar(rows).strips[0].days[0].date == date(2026, 11, 24)
    assert calendar(rows, "Asia/Tokyo").strips[0].days[0].date == date(2026, 11, 25)


def test_strips_are_a_year_long_newest_first_and_skip_empty_years() -> None:
    rows = [record(n, age=timedelta(days=days)) for n, days in enumerate([0, 900])]
    strips = calendar(rows).strips
    assert [strip.weeks for strip in strips] == [53, 24]
    assert strips[0].start > strips[1].start
    assert all(strip.start.weekday() == 0 for strip in strips)


def test_what_is_older_than_there_is_room_for_is_counted() -> None:
    rows = [
        record(0, age=timedelta(0)),
        record(1, age=timedelta(days=9000)),
        record(2, age=timedelta(0), created_at=None),
    ]
    found = calendar(rows)
    assert found.not_drawn == 2
    assert sum(day.backups for strip in found.strips for day in strip.days) == 1


def test_a_backup_from_the_future_is_on_no_day() -> None:
    rows = [record(0, age=timedelta(0)), record(1, age=timedelta(0), created_at="9999-12-30T00:00:00")]
    assert calendar(rows).not_drawn == 1


def test_a_day_with_several_backups_shows_what_stays_and_that_others_go() -> None:
    rows = [record(n, age=timedelta(hours=n)) for n in range(3)]
    (day,) = calendar(rows, keep={"daily": 1}).strips[0].days
    assert (day.mark, day.backups, day.deletions, day.is_mixed) == (Mark.DAILY, 3, 2, True)
    assert day.sentence == "Wed 25 Nov 2026: 3 backups, 2 to be deleted; shown: kept by a daily rule"


def test_no_backups_have_no_calendar() -> None:
    assert calendar([]) == Calendar(strips=(), not_drawn=0)
