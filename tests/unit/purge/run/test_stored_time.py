"""A stored plan is believed only if it was made shortly before the store received it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.doubles import ManualClock
from tests.unit.purge.purge_world import RUN
from tests.unit.purge.purge_world import World
from tests.unit.purge.purge_world import assert_refused
from tests.unit.purge.purge_world import previewed
from tests.unit.purge.strategies import NOW
from tests.unit.purge.strategies import nightly
from vbs_reaper.purge.document import encode_plan
from vbs_reaper.purge.document import read_plan
from vbs_reaper.purge.document import sha256_of

KEY = "nightly", RUN, "json"
TOO_LATE = timedelta(minutes=30, seconds=1)
TOO_EARLY = -timedelta(minutes=5, seconds=1)


def everything_goes(document: bytes) -> bytes:
    """The plan as somebody would forge it: all due, no guard, no survivor, and its own sha256 is right."""
    plan = read_plan(document)
    for row in plan.backups:
        row.keep, row.due_at, row.selected_since = False, plan.made_at, plan.made_at
    forged = replace(plan, groups=(), guards=(), sha256=None)
    return encode_plan(replace(forged, sha256=sha256_of(forged)))


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
        "another time",
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
