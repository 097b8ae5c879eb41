"""When a grace begins, how long it lasts, and which last plan it continues from."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.cases import cases
from tests.unit.purge.strategies import DAY, NOW, backup_id, ids, make_plan, nightly, record
from vbs_reaper.purge.calendar.zone import to_micros
from vbs_reaper.purge.plan import Plan
from vbs_reaper.reasons import Reason


def due(made: Plan) -> list[str]:
    return [row.id for row in made.due]


def after(pause: timedelta, before: dict[str, Any], now: dict[str, Any] | None = None) -> Plan:
    """The plan of a policy at a time after its first one; `now` are parts that were changed in between."""
    first = make_plan(nightly(5), **before)
    return make_plan(nightly(5), NOW + pause, last=first, **(before | (now or {})))


def restart_warnings(made: Plan) -> list[str]:
    return [warning for warning in made.warnings if "grace starts again" in warning]


def test_nothing_is_due_before_it_has_been_selected_for_the_whole_grace() -> None:
    last = None
    for day in range(7):
        last = make_plan(nightly(5), NOW + day * DAY, last=last, grace="7d")
        assert due(last) == []
        assert last.backups[4].reasons == (Reason.NOT_KEPT, Reason.IN_GRACE)
    assert due(make_plan(nightly(5), NOW + 7 * DAY, last=last, grace="7d")) == ids(2, 3, 4)


@pytest.mark.parametrize(
    ("grace", "pause", "age"),
    [
        ("7d", 7 * DAY, None),
        ("7d", timedelta(days=7, seconds=2), "7d"),
        ("7d", 8 * DAY, "7d"),
        ("1d", 2 * DAY, None),
        ("1d", 3 * DAY, "48h"),
    ],
)
def test_a_last_plan_counts_for_the_grace_or_two_days_if_longer_and_the_plan_says_if_it_does_not(
    grace: str, pause: timedelta, age: str | None
) -> None:
    made = after(pause, {"grace": grace, "guards": {"max_fraction": 1}})
    assert due(made) == (ids(2, 3, 4) if age is None else [])
    too_long_ago = (
        f"Every grace starts again: the last plan was made at 2026-11-25T03:00:00Z, and a plan older than {age} "
        "does not count; run the policy more often than that, or choose a longer grace.",
    )
    assert made.warnings == (() if age is None else too_long_ago)


@pytest.mark.parametrize(
    ("before", "now", "pause", "warned"),
    cases(
        {
            "last plan from the future": ({"grace": "7d"}, {}, -30 * DAY, False),
            "other grace": ({"grace": "7d"}, {"grace": "1d"}, DAY, False),
            "no grace": ({}, {}, 30 * DAY, False),
            "no grace, other rules": ({}, {"keep": {"last": 3}}, DAY, False),
            "other rules": ({"grace": "7d"}, {"keep": {"last": 3}}, DAY, True),
        }
    ),
)
def test_only_a_plan_with_a_grace_says_that_the_last_plans_have_other_rules(
    before: dict[str, Any], now: dict[str, Any], pause: timedelta, *, warned: bool
) -> None:
    sentence = "Every grace starts again: none of the policy's last plans selects by the same rules."
    assert restart_warnings(after(pause, before, now)) == [sentence] * warned


@pytest.mark.parametrize("changed", [{"keep": {"last": 1}}, {"timezone": "Asia/Tokyo"}, {"match": {"name": "*"}}])
def test_other_rules_start_the_grace_again(changed: dict[str, Any]) -> None:
    assert due(after(DAY, {"grace": "1d"}, changed)) == []


def test_all_warnings_are_told_together() -> None:
    rows = [record(n, age=DAY, volume_id=f"v{n}") for n in range(2)]
    warnings = make_plan(rows, NOW + 9 * DAY, last=make_plan(rows, grace="1d"), grace="1d").warnings
    assert [warning.split(":")[0] for warning in warnings] == [
        "2 of 2 groups have a single backup, which is always kept",
        "Every grace starts again",
    ]


@pytest.mark.parametrize(("pause", "counts"), [(2 * DAY, True), (timedelta(days=2, seconds=1), False)])
def test_without_a_grace_a_last_plan_counts_for_two_days(pause: timedelta, *, counts: bool) -> None:
    since = {row.selected_since for row in after(pause, {}).selected}
    assert since == {to_micros(NOW if counts else NOW + pause)}


def test_a_renamed_backup_starts_its_grace_again() -> None:
    first = make_plan(nightly(5), grace="1d")
    assert due(make_plan(nightly(5, {3: {"name": "daily-x"}}), NOW + DAY, last=first, grace="1d")) == ids(2, 4)


def test_a_plan_of_the_same_moment_counts_and_one_from_the_future_does_not() -> None:
    first = make_plan(nightly(3), NOW - timedelta(minutes=30), grace="7d")
    second = make_plan(nightly(3), last=first, grace="7d")
    third = make_plan(nightly(3), last=second, grace="7d")
    assert {row.selected_since for row in third.selected} == {first.made_at}
    future = make_plan(nightly(5), NOW + 9 * DAY, grace="1d")
    made = make_plan(nightly(5), last=future, grace="1d")
    assert {row.selected_since for row in made.selected} == {made.made_at}


def test_a_grace_across_a_clock_change_is_by_the_calendar() -> None:
    now = datetime.fromisoformat("2026-10-24T03:00:00+02:00")
    rows = [record(n, age=timedelta(days=40 + n)) for n in range(3)]
    (row,) = make_plan(rows, now, grace="2d", timezone="Europe/Berlin").selected
    assert row.due_at == to_micros(datetime.fromisoformat("2026-10-26T03:00:00+01:00"))


def test_a_chain_in_grace_delays_what_it_stands_on() -> None:
    full = nightly(2, is_incremental=False)
    child, parent = record(8, age=5 * DAY, is_incremental=True), record(9, age=6 * DAY, is_incremental=False)
    first = make_plan([*full, parent], NOW - 3 * DAY, service="cinder", grace="7d")
    made = make_plan([*full, child, parent], last=first, service="cinder", grace="7d")
    due_at = {row.id: row.due_at for row in made.backups}
    assert due_at[backup_id(8)] == due_at[backup_id(9)] is not None
