"""A plan that a person approves by its hash: what is sent, what is refused, and what a repetition does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.purge.purge_world import RUN, Killed, StoppingQueue, World, assert_refused, previewed
from tests.unit.purge.strategies import OTHER_PROJECT, PROJECT, backup_id, nightly
from vbs_reaper.backups.answer import TargetInfo
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.timestamps import read_instant

DAY = timedelta(days=1)
PLANNED, COMPLETED = "VBS Purge Planned", "VBS Purge Completed"


def ids(*numbers: int) -> list[str]:
    return [backup_id(number) for number in numbers]


def test_an_approval_sends_nothing_that_its_plan_does_not_call_due() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.cloud.records = nightly(50)
    answer = world.approve(sha256)
    assert (answer["outcome"], answer["run"]) == ("completed", RUN)
    assert world.queue.ids == ids(2, 3, 4)
    assert world.bus.types == [PLANNED, COMPLETED]


def test_an_approval_that_cuts_the_grace_short_has_a_mark_of_its_own() -> None:
    world = World(nightly(5))
    sha256 = previewed(world, grace="7d")
    assert world.approve(sha256)["requested"] == 0
    answer = world.approve(sha256, include_grace=True)
    assert (answer["requested"], answer["with_grace"]) == (3, True)
    assert world.queue.ids == ids(2, 3, 4)
    assert world.approve(sha256, include_grace=True)["outcome"] == "already_sent"
    assert {key[2] for key in world.plans.objects} == {"json", "html", "grace.sent"}


def test_after_the_whole_plan_was_sent_its_due_part_is_not_sent_again() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.approve(sha256, include_grace=True)
    assert world.approve(sha256)["outcome"] == "already_sent"
    assert world.queue.ids == ids(2, 3, 4)


def test_an_approval_killed_between_two_sends_is_repeated_whole() -> None:
    world = World(nightly(37))
    sha256 = previewed(world)
    world.queue.takes, world.queue.then = 2, "killed after"
    with pytest.raises(Killed):
        world.approve(sha256)
    world.queue = StoppingQueue()
    assert world.approve(sha256)["requested"] == 35


def test_a_hash_that_nobody_stored_sends_nothing() -> None:
    world = World(nightly(5))
    previewed(world)
    assert_refused(world, world.approve("a" * 64), "plan_unknown", "a" * 64)


def test_a_plan_of_another_policy_is_unknown() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    assert_refused(world, world.approve(sha256, policy="weekly"), "plan_unknown", "weekly")


def test_a_plan_copied_to_another_policy_is_nobodys() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.plans.objects["weekly", RUN, "json"] = world.plans.objects["nightly", RUN, "json"]
    world.plans.hashes["weekly", RUN] = sha256
    assert_refused(
        world,
        world.approve(sha256, policy="weekly"),
        "plan_misplaced",
        f"stored as weekly/{RUN} is the plan nightly/{RUN}",
    )


def test_a_plan_that_was_tampered_with_sends_nothing() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    key = ("nightly", RUN, "json")
    world.plans.objects[key] = world.plans.objects[key].replace(backup_id(4).encode(), backup_id(44).encode())
    assert_refused(world, world.approve(sha256), "plan_changed", f"nightly/{RUN}", "was changed after")


def test_a_plan_exchanged_for_another_sound_one_sends_nothing() -> None:
    world, other = World(nightly(5)), World(nightly(9))
    sha256 = previewed(world)
    previewed(other)
    world.plans.objects["nightly", RUN, "json"] = other.plans.objects["nightly", RUN, "json"]
    assert_refused(world, world.approve(sha256), "plan_changed", f"nightly/{RUN} was stored with the sha256 {sha256}")


@pytest.mark.parametrize(("age", "outcome"), [(7 * DAY, "completed"), (7 * DAY + timedelta(seconds=1), "refused")])
def test_a_plan_can_be_approved_for_seven_days(age: timedelta, outcome: str) -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.wait(age.total_seconds())
    answer = world.approve(sha256)
    assert answer["outcome"] == outcome
    if outcome == "refused":
        assert_refused(world, answer, "plan_expired", "2026-11-25")


def test_a_target_that_is_another_project_now_gets_no_deletions() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.cloud.view = TargetInfo(project_id=ProjectId(OTHER_PROJECT), hold_marker="[hold]", shows_metadata=False)
    assert_refused(world, world.approve(sha256), "plan_misplaced", PROJECT, OTHER_PROJECT)


def test_an_approved_request_expires_from_its_sending_not_from_the_plan() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.wait(6 * 86400)
    world.approve(sha256)
    assert {read_instant(request["expires_at"]) for request in world.queue.requests} == {
        datetime(2026, 12, 14, 3, tzinfo=UTC)
    }


HERE, ELSEWHERE = "https://vbs.example", "https://vbs2.example/volume"


def at(address: str) -> TargetInfo:
    return TargetInfo(project_id=ProjectId(PROJECT), hold_marker="[hold]", shows_metadata=False, address=address)


def test_a_plan_names_the_place_it_is_of_and_its_listing_is_bound_to_it() -> None:
    world = World(nightly(5))
    world.cloud.view = at(HERE)
    sha256 = previewed(world)
    assert world.document()["endpoint"] == HERE
    assert world.cloud.addresses == [HERE]
    assert world.approve(sha256)["outcome"] == "completed"


def test_a_plan_of_another_address_of_the_same_project_is_not_approved() -> None:
    world = World(nightly(5))
    world.cloud.view = at(HERE)
    sha256 = previewed(world)
    world.cloud.view = at(ELSEWHERE)
    assert_refused(world, world.approve(sha256), "plan_misplaced", HERE, ELSEWHERE, '"otc-prod"')
    world.cloud.view = at(HERE)
    assert world.approve(sha256)["requested"] == 3


@pytest.mark.parametrize("view", [at(ELSEWHERE), replace(at(HERE), project_id=ProjectId(OTHER_PROJECT))])
def test_a_plan_that_an_earlier_invocation_stored_is_not_sent_to_another_place(view: TargetInfo) -> None:
    world = World(nightly(5))
    world.cloud.view = at(HERE)
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    world.queue, world.cloud.view = StoppingQueue(), view
    assert_refused(world, world.run(), "plan_misplaced", *([HERE, ELSEWHERE] if view.address == ELSEWHERE else []))
    world.cloud.view = at(HERE)
    assert world.run()["requested"] == 3


def test_the_plan_of_a_faster_invocation_of_another_place_is_not_sent() -> None:
    faster, world = World(nightly(5)), World(nightly(5))
    faster.cloud.view, world.cloud.view = at(ELSEWHERE), at(HERE)
    faster.run()
    world.plans.steals = faster.plans.objects["nightly", RUN, "json"]
    assert_refused(world, world.run(), "plan_misplaced", HERE, ELSEWHERE)


def test_of_a_plan_without_a_place_only_the_project_counts() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    assert "endpoint" not in world.document()
    world.cloud.view = at(HERE)
    assert world.approve(sha256)["requested"] == 3
