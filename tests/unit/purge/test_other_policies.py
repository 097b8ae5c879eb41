"""A plan warns of other policies of its target that keep what it selects."""

from datetime import timedelta

import pytest

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import RUN, World, assert_refused
from tests.unit.purge.strategies import NOW, nightly
from vbs_reaper.purge.other_policies import OTHER_POLICIES

OTHER = {"policy": "weekly", "mode": "preview", "keep": {"last": 4}}


def warnings(world: World, run: str = RUN) -> list[str]:
    found: list[str] = world.document(run)["warnings"]
    return found


def test_a_plan_counts_what_another_policy_keeps_and_it_selects() -> None:
    world = World(nightly(9))
    world.run(**OTHER)
    world.preview()
    assert warnings(world) == [
        'Policy "weekly" of the same target keeps 2 of the backups that this policy selects, according to its plan of '
        "2026-11-25; change a match, or make one policy of both."
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"keep": {"last": 2}},  # keeps the same
        {"match": {"name": "by hand*"}},  # applies to none of them
        {"target": "otc-test"},
    ],
)
def test_a_policy_that_keeps_none_of_them_is_not_mentioned(other: dict[str, object]) -> None:
    world = World(nightly(9))
    world.run(**(OTHER | other))
    world.preview()
    assert warnings(world) == []


def test_a_plan_that_selects_nothing_is_not_compared() -> None:
    world = World(nightly(2))
    world.run(**OTHER)
    world.plans.busy_at = "newest_of_others"
    assert world.preview()["outcome"] == "planned"


@pytest.mark.parametrize(("days", "is_compared"), [(35, True), (36, False)])
def test_a_policy_that_is_no_longer_run_is_not_compared(days: int, is_compared: bool) -> None:
    world = World(nightly(9), ManualClock(NOW))
    world.run(**OTHER)
    world.wait(timedelta(days=days).total_seconds())
    world.preview()
    assert bool(warnings(world)) is is_compared


def test_the_newest_plan_of_the_other_policy_counts_and_its_own_earlier_plans_do_not() -> None:
    world = World(nightly(9), ManualClock(NOW))
    world.run(**OTHER)
    world.run("2026-11-25T04:00:00Z", **(OTHER | {"keep": {"last": 2}}))
    world.run("2026-11-25T05:00:00Z", mode="preview", keep={"last": 9})
    world.preview()
    assert warnings(world) == []


def test_a_plan_of_another_policy_that_cannot_be_read_is_left_out() -> None:
    world = World(nightly(9))
    world.run(**OTHER)
    world.plans.objects["weekly", RUN, "json"] = b"{}"
    assert world.run()["requested"] == 7
    assert warnings(world) == []


def test_no_more_than_a_few_policies_are_compared() -> None:
    world = World(nightly(9))
    for number in range(OTHER_POLICIES + 2):
        world.run(**(OTHER | {"policy": f"other-{number:02}"}))
    world.preview()
    assert len(warnings(world)) == OTHER_POLICIES


def test_a_bucket_that_cannot_be_listed_is_not_ignored() -> None:
    world = World(nightly(9))
    world.plans.is_readable = False
    assert_refused(world, world.run(), "plans_unusable")
