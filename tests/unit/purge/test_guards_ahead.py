"""A plan says today that a guard will refuse the run of the day on which a grace ends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import World
from tests.unit.purge.strategies import NOW, Record, backup_id, inventory, many, nightly, policy, record
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.report.html_page import write_page

REFUSED = re.compile(r"^On (\S+) the grace of ([0-9,]+) backups ends, and a guard would refuse that run: ")


def planned(nights: int = 30, **changes: Any) -> Plan:  # noqa: ANN401  # parts of a policy
    return plan(policy(**{"grace": "7d", **changes}), inventory(nightly(nights)), NOW)


def ahead(made: Plan) -> list[tuple[str, str]]:
    return [found.groups() for found in map(REFUSED.match, made.warnings) if found]  # type: ignore[misc]  # two groups


def test_the_backlog_of_a_new_policy_is_announced() -> None:
    made = planned(guards={"max_deletions": 20, "max_fraction": 1})
    assert not made.exceeded
    assert ahead(made) == [("2026-12-02", "28")]
    assert "28 due, max_deletions 20 allows only 20. Review" in made.warnings[0]
    assert "include_grace" in made.warnings[0]


def test_every_guard_that_would_refuse_is_named() -> None:
    (warning,) = planned(guards={"max_deletions": 20, "max_fraction": 0.5}).warnings
    assert "28 due, max_deletions 20 allows only 20; 28 due, max_fraction 0.5 allows only 15. Review" in warning


@pytest.mark.parametrize(
    "changes", [{"guards": {"max_deletions": 28, "max_fraction": 1}}, {"grace": None, "guards": {"max_deletions": 1}}]
)
def test_without_an_exceeded_guard_or_a_grace_there_is_no_warning(changes: dict[str, Any]) -> None:
    if changes.get("grace", "7d") is None:
        made = plan(policy(guards=changes["guards"]), inventory(nightly(30)), NOW)
    else:
        made = planned(**changes)
    assert ahead(made) == []


def test_one_backup_of_each_group_is_not_measured_as_a_fraction() -> None:
    rows = [
        record(10 * volume + night, volume_id=backup_id(900 + volume), age=timedelta(days=night, hours=1))
        for volume in range(5)
        for night in range(3)
    ]
    made = plan(policy(grace="7d", guards={"max_fraction": 0.1}), inventory(rows), NOW)
    assert made.totals.selected == 5
    assert ahead(made) == []


def test_the_day_is_a_day_of_the_policys_zone() -> None:
    guards = {"max_deletions": 20, "max_fraction": 1}
    assert ahead(planned(guards=guards, timezone="America/Los_Angeles"))[0][0] == "2026-12-01"


def test_what_becomes_due_on_several_days_is_judged_day_by_day() -> None:
    guards = {"max_deletions": 5, "max_fraction": 1}
    world = World(nightly(6), ManualClock(NOW))
    world.preview(grace="7d", guards=guards)
    world.wait(timedelta(days=1).total_seconds())
    world.cloud.records = nightly(11)
    world.run("2026-11-26T03:00:00Z", mode="preview", grace="7d", guards=guards)
    document = world.document("2026-11-26T03-00-00Z")
    assert document["totals"]["selected"] == 9
    assert document["warnings"] == []


def two_copies_of_an_old_volume() -> list[Record]:
    old, new = backup_id(10**9), backup_id(10**9 + 1)
    ages = [(new, night) for night in range(3)] + [(old, night) for night in (3, 4)]
    return [record(n, age=timedelta(days=n, hours=1), name="daily-db", volume_id=volume) for volume, n in ages]


def test_day_on_which_a_volume_loses_its_last_copy_is_announced() -> None:
    by_name: dict[str, Any] = {"grace": "7d", "group_by": "name", "guards": {"max_fraction": 1}}
    made = plan(policy(**by_name), inventory(two_copies_of_an_old_volume()), NOW)
    assert not made.exceeded
    (warning,) = made.warnings
    assert ahead(made) == [("2026-12-02", "3")]
    assert "1 volume would be left without a copy, max_volumes_left_without 0 allows only 0. Review" in warning
    assert "include_grace" not in warning, "such an approval leaves the copy out"


@pytest.mark.parametrize("changes", [{"guards": {"max_fraction": 1, "max_volumes_left_without": 1}}, {"grace": None}])
def test_volume_that_may_lose_its_last_copy_is_not_announced(changes: dict[str, Any]) -> None:
    parts = {"grace": "7d", "group_by": "name", "guards": {"max_fraction": 1}} | changes
    by = policy(**{key: part for key, part in parts.items() if part is not None})
    assert ahead(plan(by, inventory(two_copies_of_an_old_volume()), NOW)) == []


def test_volume_that_keeps_a_copy_is_not_announced() -> None:
    rows = [row | {"volume_id": backup_id(10**9)} for row in two_copies_of_an_old_volume()]
    by = policy(grace="7d", group_by="name", guards={"max_fraction": 1})
    assert ahead(plan(by, inventory(rows), NOW)) == []


def test_the_page_and_the_stored_plan_show_it() -> None:
    guards = {"max_deletions": 20, "max_fraction": 1}
    made = planned(guards=guards)
    assert "On 2026-12-02 the grace of 28 backups ends" in "".join(write_page(made))
    world = World(nightly(30))
    world.preview(grace="7d", guards=guards)
    assert world.document()["warnings"] == list(made.warnings)


@many
@given(st.integers(3, 30), st.integers(1, 30))
def test_the_announced_run_is_refused_and_one_that_is_not_announced_is_not(nights: int, most: int) -> None:
    guards = {"max_deletions": most, "max_fraction": 1}
    world = World(nightly(nights), ManualClock(NOW))
    world.preview(grace="1d", guards=guards)
    announced = bool(world.document()["warnings"])
    world.wait(timedelta(days=1).total_seconds())
    answer = world.run("2026-11-26T03:00:00Z", grace="1d", guards=guards)
    assert (answer["outcome"] == "refused") is announced
