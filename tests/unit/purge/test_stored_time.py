"""A stored plan is believed only if it was made shortly before the store received it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import RUN, World, assert_refused, previewed
from tests.unit.purge.strategies import NOW, Record, inventory, many, nightly, policies, records, surroundings
from vbs_reaper.purge.plan import is_consistent, plan, recompute
from vbs_reaper.purge.plan_file import encode_plan, read_plan, sha256_of
from vbs_reaper.purge.policy import PurgePolicy

KEY = "nightly", RUN, "json"
TOO_LATE = timedelta(minutes=30, seconds=1)
TOO_EARLY = -timedelta(minutes=5, seconds=1)


def everything_goes(document: bytes) -> bytes:
    """The plan as somebody would forge it: all due, no guard, no survivor, and its own sha256 is right."""
    honest = read_plan(document)
    for row in honest.backups:
        row.keep, row.due_at, row.selected_since = False, honest.made_at, honest.made_at
    forged = replace(honest, groups=(), guards=(), sha256=None)
    return encode_plan(replace(forged, sha256=sha256_of(forged)))


def rewrite_plan(world: World, **parts: object) -> str:
    """Replace parts of the stored plan. Return the SHA-256 that belongs to the result."""
    found = replace(read_plan(world.plans.objects[KEY]), sha256=None, **parts)  # type: ignore[arg-type]  # any part
    sha256 = sha256_of(found)
    world.plans.objects[KEY] = encode_plan(replace(found, sha256=sha256))
    world.plans.hashes["nightly", RUN] = sha256
    return sha256


def test_a_forged_plan_without_guards_and_survivors_is_not_sent() -> None:
    world = World(nightly(50))
    world.preview()
    world.plans.objects[KEY] = everything_goes(world.plans.objects[KEY])
    assert_refused(world, world.run(), "plan_changed", f"nightly/{RUN}", "do not match its backups")


@pytest.mark.parametrize("part", ["groups", "guards", "totals"])
def test_a_plan_whose_summary_does_not_match_its_backups_is_not_sent(part: str) -> None:
    world, other = World(nightly(9)), World(nightly(5))
    world.preview()
    other.preview()
    forged = rewrite_plan(world, **{part: getattr(read_plan(other.plans.objects[KEY]), part)})
    assert_refused(world, world.run(), "plan_changed", "do not match its backups")
    assert_refused(world, world.approve(forged), "plan_changed", "do not match its backups")


def test_a_plan_that_selects_a_survivor_is_not_sent() -> None:
    world = World(nightly(5))
    world.preview()
    found = read_plan(world.plans.objects[KEY])
    for row in found.backups:
        row.keep, row.due_at, row.selected_since = False, found.made_at, found.made_at
    groups, totals, guards = recompute(found)
    rewrite_plan(world, backups=found.backups, groups=groups, totals=totals, guards=guards)
    assert_refused(world, world.run(), "plan_changed", "do not match its backups")


@many
@given(policies(), records(), surroundings)
def test_every_plan_is_consistent_when_made_and_when_read_back(
    chosen: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(chosen, inventory(rows, **around), NOW)
    assert is_consistent(made)
    assert is_consistent(read_plan(encode_plan(made)))


@pytest.mark.parametrize("late", [TOO_LATE, TOO_EARLY, timedelta(days=1)])
def test_a_run_does_not_send_a_plan_that_was_stored_at_another_time_than_it_was_made(late: timedelta) -> None:
    world = World(nightly(5))
    world.preview()
    world.plans.objects[KEY] = everything_goes(world.plans.objects[KEY])
    world.plans.stored_at[KEY] = NOW + late
    assert_refused(
        world,
        world.run(),
        "plan_changed",
        f"nightly/{RUN}",
        "2026-11-25T03:00:00Z",
        "within 30 minutes",
        "another scheduled_time",
    )
    assert world.cloud.listings == 1


@pytest.mark.parametrize("late", [TOO_LATE, TOO_EARLY])
def test_an_approval_does_not_send_a_plan_that_was_stored_at_another_time_than_it_was_made(late: timedelta) -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.plans.stored_at[KEY] = NOW + late
    assert_refused(world, world.approve(sha256), "plan_changed", f"nightly/{RUN}", "within 30 minutes")


@pytest.mark.parametrize("late", [timedelta(minutes=30), timedelta(minutes=-5)])
def test_a_plan_may_take_half_an_hour_to_be_stored_and_clocks_may_differ_by_five_minutes(late: timedelta) -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.plans.stored_at[KEY] = NOW + late
    assert world.approve(sha256)["requested"] == 3


@pytest.mark.parametrize("late", [TOO_LATE, TOO_EARLY])
def test_no_grace_is_carried_over_from_a_plan_that_was_stored_at_another_time_than_it_was_made(
    late: timedelta,
) -> None:
    world = World(nightly(5), ManualClock(NOW))
    world.run(grace="1d")
    world.plans.stored_at[KEY] = NOW + late
    world.clock.now = world.cloud.date = NOW + timedelta(days=1)
    assert world.run("2026-11-26T03:00:00Z", grace="1d")["requested"] == 0
    ((policy, why),) = world.report.unreadable_plans
    assert policy == "nightly"
    assert "within 30 minutes" in why


def test_a_plan_of_another_choice_that_was_stored_at_another_time_than_it_was_made_is_not_compared_with() -> None:
    world = World(nightly(5), ManualClock(NOW))
    world.preview(keep={"last": 3})
    world.plans.stored_at[KEY] = NOW + TOO_LATE
    world.run("2026-11-26T03:00:00Z", mode="preview")
    assert world.document("2026-11-26T03-00-00Z")["difference"] is None
    assert len(world.report.unreadable_plans) == 1
