"""The forecast: groups continue at their rhythm, stopped ones are kept, and guards that will refuse are announced."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.support.cases import cases
from tests.unit.purge import strategies as draw
from tests.unit.purge.purge_world import World
from tests.unit.purge.strategies import DAY, HOUR, NOW, Record, backup_id, inventory, make_plan, nightly, record
from vbs_reaper.backups.answer import Service
from vbs_reaper.purge.calendar.zone import Micros, load_zone, to_micros
from vbs_reaper.purge.forecast.forecast import forecast
from vbs_reaper.purge.forecast.restore_points import restore_points
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.report.html_page import write_page

# ── Deletions by day ─────────────────────────────────────────────────────────────────────────────────────────────────


def going(made: Plan, days: int = 10) -> dict[int, int]:
    """Return the day on which each backup will be deleted, by number."""
    return {int(each[-4:], 16): day for each, day in forecast(made, made.backups, days).deletion_days.items()}


def aged(*ages: timedelta, first: int = 0, **fields: object) -> list[Record]:
    return [record(first + number, age=age, **fields) for number, age in enumerate(ages)]


def chain(count: int, full: set[int]) -> list[Record]:
    """Incremental backups; `full` are the numbers of the full ones."""
    return nightly(count, {number: {"is_incremental": False} for number in full}, is_incremental=True)


@pytest.mark.parametrize(
    ("rows", "parts", "days"),
    cases(
        {
            "due today, kept later": (nightly(4), {}, {3: 0, 2: 0, 1: 1, 0: 2}),
            "stopped group": (aged(*((60 + n) * DAY for n in range(4))), {}, {3: 0, 2: 0}),
            "three missed": (aged(4 * DAY, 5 * DAY, 6 * DAY), {}, {2: 0}),
            "two missed": (aged(3 * DAY, 4 * DAY, 5 * DAY), {}, {2: 0, 1: 1, 0: 2}),
            "one missed": (aged(2 * DAY, 3 * DAY, 4 * DAY), {}, {2: 0, 1: 1, 0: 2}),
            "a group of one": (nightly(1), {"keep": {"within": "1h"}}, {}),
            "two copies are a rhythm": (nightly(2), {"keep": {"last": 1}}, {1: 0, 0: 1}),
            "weekly": (
                aged(*(timedelta(days=7 * n + 5) for n in range(4))),
                {"keep": {"last": 3}},
                {3: 0, 2: 2, 1: 9, 0: 16},
            ),
            "every group": (
                nightly(3) + aged(*(2 * n * DAY for n in range(3)), first=10, volume_id="other"),
                {},
                {2: 0, 1: 1, 0: 2, 12: 0, 11: 2, 10: 4},
            ),
            "held": (nightly(3, {0: {"description": "[hold]"}}), {}, {2: 0, 1: 1}),
            "grace": (nightly(4), {"grace": "3d"}, {3: 3, 2: 3, 1: 4, 0: 5}),
            "due at noon": (nightly(4), {"grace": "36h"}, {3: 2, 2: 2, 1: 3, 0: 4}),
            "too young": (nightly(4), {"match": {"name": "*", "older_than": "5d"}}, {3: 2, 2: 3, 1: 4, 0: 5}),
        }
    ),
)
def test_what_goes_on_which_day(rows: list[Record], parts: dict[str, Any], days: dict[int, int]) -> None:
    assert going(make_plan(rows, **parts), 20) == days


def test_what_goes_is_told_for_as_many_days_as_asked() -> None:
    made = make_plan(aged(*(n * HOUR for n in range(72))), keep={"hourly": 72})
    assert sorted(going(made, 3).values()) == [1] * 24 + [2] * 24 + [3] * 24
    assert forecast(made, made.backups, 10).days == 10


def test_what_is_overdue_is_made_next_and_not_on_the_day_before() -> None:
    rows = aged(DAY + 5 * HOUR, 2 * DAY + 5 * HOUR)  # 22:00 the day before, and so on
    assert going(make_plan(rows, NOW.replace(hour=0), keep={"daily": 2})) == {1: 1, 0: 2}


@pytest.mark.parametrize(
    ("rows", "days"),
    cases(
        {
            "every fourth": (chain(8, {1, 5}), {0: 4, 1: 4} | dict.fromkeys(range(2, 8), 0)),
            "every second": (chain(8, {1, 3, 5, 7}), {0: 2, 1: 2} | dict.fromkeys(range(2, 8), 0)),
            "only one is known": (chain(3, {2}), {}),
        }
    ),
)
def test_full_backups_come_as_often_as_they_did_and_free_their_chains(rows: list[Record], days: dict[int, int]) -> None:
    assert going(make_plan(rows, service="cinder")) == days


def test_the_next_ones_are_of_the_volume_that_was_backed_up_last() -> None:
    rows = nightly(3, {0: {"volume_id": "new"}}, volume_id="old", is_incremental=False)
    rows[1]["is_incremental"] = True
    found = going(make_plan(rows, service="cinder", group_by={"name": "^(daily)"}))
    assert (found[1], found[2]) == (1, 1)


def test_what_goes_later_comes_true_when_backups_are_made_as_foreseen() -> None:
    rows, rules = nightly(30), {"last": 2, "daily": 5, "weekly": 3}
    foreseen = going(make_plan(rows, keep=rules), 20)
    gone: dict[int, int] = {}
    for day in range(21):
        if day:
            rows = [record(1000 + day, age=HOUR - day * DAY), *rows]
        due = {row.id for row in make_plan(rows, NOW + day * DAY, keep=rules).due}
        gone.update({int(each[-4:], 16): day for each in due if int(each[-4:], 16) < 1000})
        rows = [row for row in rows if row["id"] not in due]
    assert gone == foreseen


services: st.SearchStrategy[Service] = st.sampled_from(["vbs", "cinder"])


@draw.many
@given(draw.policies(), draw.records(only_past=False), services)
def test_any_plan_can_be_looked_ahead_from(policy: PurgePolicy, rows: list[Record], service: Service) -> None:
    made = plan(policy, inventory(rows, service=service), NOW)
    found = forecast(made, made.backups, 5).deletion_days
    assert {row.id for row in made.due} == {row_id for row_id, day in found.items() if day == 0}


# ── Any date from the year 1 to 9999 ──────────────────────────────────────────────────────────────────────────────────

EDGES = [datetime.min, datetime(1970, 1, 1), datetime(2000, 1, 1), datetime(9999, 12, 30), datetime.max]  # noqa: DTZ001, DTZ901  # as Cinder writes them
moments = st.one_of(st.sampled_from(EDGES), st.datetimes(), st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))  # noqa: DTZ001
hostile_records = st.lists(
    st.builds(
        lambda moment, zone, volume, incremental: {
            "created_at": moment.isoformat() + zone,
            "volume_id": backup_id(10**9 + volume),
            "is_incremental": incremental,
        },
        moments,
        st.sampled_from(["", "Z", "+14:00", "-12:00"]),
        st.integers(0, 1),
        st.sampled_from([True, True, False, None]),
    ),
    min_size=1,
    max_size=6,
).map(lambda drawn: nightly(len(drawn), dict(enumerate(drawn))))
keeps: list[dict[str, Any]] = [{"last": 1}, {"daily": 1}, {"last": 1, "within": "1d"}, {"last": 2, "yearly": 3}]
hostile_parts = st.fixed_dictionaries(
    {
        "keep": st.sampled_from([*keeps, {"within_monthly": "999999y"}]),
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Manila"]),
        "group_by": st.sampled_from(["volume", "name"]),
    },
    optional={"grace": st.sampled_from(["7d", "999999y"])},
)


@settings(max_examples=60)
@given(hostile_records, hostile_parts, services, st.sampled_from([1970, 2026, 2999]))
def test_no_date_stops_a_plan_its_document_or_its_page(
    rows: list[Record], parts: dict[str, Any], service: Service, year: int
) -> None:
    now = NOW.replace(year=year)
    first = read_plan(encode_plan(make_plan(rows, now, service=service, **parts)))
    second = make_plan(rows, now + DAY, last=first, service=service, **parts)
    written = encode_plan(second)
    assert encode_plan(read_plan(written)) == written
    assert "".join(write_page(second)).startswith("<!doctype html>")


# ── Guards that will refuse ───────────────────────────────────────────────────────────────────────────────────────────

REFUSED = re.compile(r"^On (\S+) the grace of ([0-9,]+) backups ends, and a guard would refuse that run: (.*)")
TWENTY: dict[str, Any] = {"grace": "7d", "guards": {"max_deletions": 20, "max_fraction": 1}}
BY_NAME: dict[str, Any] = {"grace": "7d", "group_by": "name", "guards": {"max_fraction": 1}}


def ahead(made: Plan) -> list[tuple[str, ...]]:
    """Day, number of backups and guards of each announcement."""
    return [found.groups() for found in map(REFUSED.match, made.warnings) if found]


def copies_of_an_old_and_a_new_volume(old: str = "old") -> list[Record]:
    return nightly(3, volume_id="new", name="daily") + aged(3 * DAY, 4 * DAY, first=3, volume_id=old, name="daily")


@pytest.mark.parametrize(
    ("parts", "day", "words"),
    [
        (TWENTY, "2026-12-02", "28 due, max_deletions 20 allows only 20. Review"),
        (TWENTY | {"timezone": "America/Los_Angeles"}, "2026-12-01", "28 due, max_deletions 20"),
        (
            {"grace": "7d", "guards": {"max_deletions": 20, "max_fraction": 0.5}},
            "2026-12-02",
            "28 due, max_deletions 20 allows only 20; 28 due, max_fraction 0.5 allows only 15. Review",
        ),
    ],
)
def test_guards_that_will_refuse_the_backlog_of_a_new_policy_are_announced(
    parts: dict[str, Any], day: str, words: str
) -> None:
    made = make_plan(nightly(30), **parts)
    assert not made.exceeded
    ((announced, count, sentence),) = ahead(made)
    assert (announced, count) == (day, "28")
    assert sentence.startswith(words)
    assert "include_grace" in sentence


def test_day_on_which_a_volume_loses_its_last_copy_is_announced() -> None:
    made = make_plan(copies_of_an_old_and_a_new_volume(), **BY_NAME)
    assert not made.exceeded
    ((day, count, sentence),) = ahead(made)
    assert (day, count) == ("2026-12-02", "3")
    assert "1 volume would be left without a copy, max_volumes_left_without 0 allows only 0. Review" in sentence
    assert "include_grace" not in sentence, "such an approval leaves the copy out"


@pytest.mark.parametrize(
    ("rows", "parts"),
    cases(
        {
            "within the guard": (nightly(30), {"grace": "7d", "guards": {"max_deletions": 28, "max_fraction": 1}}),
            "no grace": (nightly(30), {"guards": {"max_deletions": 1}}),
            "one of each group": (
                [row | {"volume_id": f"v{n % 5}"} for n, row in enumerate(nightly(15))],
                {"grace": "7d", "guards": {"max_fraction": 0.1}},
            ),
            "a last copy may go": (
                copies_of_an_old_and_a_new_volume(),
                BY_NAME | {"guards": {"max_fraction": 1, "max_volumes_left_without": 1}},
            ),
            "a last copy, no grace": (
                copies_of_an_old_and_a_new_volume(),
                {"group_by": "name", "guards": {"max_fraction": 1}},
            ),
            "the volume keeps a copy": (copies_of_an_old_and_a_new_volume("new"), BY_NAME),
        }
    ),
)
def test_nothing_is_announced_if_no_guard_will_refuse(rows: list[Record], parts: dict[str, Any]) -> None:
    made = make_plan(rows, **parts)
    assert made.totals.selected
    assert ahead(made) == []


def test_what_becomes_due_on_several_days_is_judged_day_by_day() -> None:
    parts: dict[str, Any] = {"grace": "7d", "guards": {"max_deletions": 5, "max_fraction": 1}}
    made = make_plan(nightly(11), NOW + DAY, last=make_plan(nightly(6), **parts), **parts)
    assert made.totals.selected == 9
    assert made.warnings == ()


def test_the_page_and_the_stored_plan_show_what_is_announced() -> None:
    made = make_plan(nightly(30), **TWENTY)
    assert "On 2026-12-02 the grace of 28 backups ends" in "".join(write_page(made))
    world = World(nightly(30))
    world.preview(**TWENTY)
    assert world.warnings() == list(made.warnings)


@draw.many
@given(st.integers(3, 30), st.integers(1, 30))
def test_the_announced_run_is_refused_and_one_that_is_not_announced_is_not(nights: int, most: int) -> None:
    parts: dict[str, Any] = {"grace": "1d", "guards": {"max_deletions": most, "max_fraction": 1}}
    world = World(nightly(nights))
    world.preview(**parts)
    announced = bool(world.warnings())
    world.wait(days=1)
    assert (world.run("2026-11-26T03:00:00Z", **parts)["outcome"] == "refused") is announced


# ── How far back one can go ───────────────────────────────────────────────────────────────────────────────────────────


def answers(*rows: PlannedBackup) -> dict[str, Micros | None]:
    return {point.label: point.best for point in restore_points(rows, load_zone("UTC"), to_micros(NOW))}


def test_each_question_is_answered_with_the_newest_copy_that_is_old_enough() -> None:
    made = make_plan(aged(HOUR, DAY, 3 * DAY, 8 * DAY, 40 * DAY), keep={"last": 9})
    assert answers(*made.backups) == {
        "yesterday": to_micros(NOW - DAY),
        "a week ago": to_micros(NOW - 8 * DAY),
        "a month ago": to_micros(NOW - 40 * DAY),
        "three months ago": None,
        "a year ago": None,
    }


def test_each_question_says_which_moment_it_means() -> None:
    points = restore_points([], load_zone("UTC"), to_micros(NOW))
    assert [point.wanted for point in points][:2] == [to_micros(NOW - DAY), to_micros(NOW - 7 * DAY)]


def test_what_goes_and_what_is_no_copy_answers_nothing() -> None:
    made = make_plan([*nightly(4), record(9, age=2 * DAY, status="error")])
    assert answers(*made.backups)["yesterday"] == to_micros(NOW - DAY - HOUR)
    assert answers(*made.backups)["a week ago"] is None
    (row,) = make_plan(nightly(1)).backups
    row.made_at = None
    assert set(answers(row).values()) == {None}, "a copy without a date"
