"""Approvals of a plan by its hash: backups are listed and planned again, and what both plans select is sent."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from tests.support.cases import cases
from tests.unit.purge.purge_world import (
    RUN,
    Killed,
    ListedCloud,
    StoppingQueue,
    World,
    assert_refused,
    previewed,
    target,
)
from tests.unit.purge.strategies import (
    DAY,
    HOUR,
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    backup_id,
    ids,
    make_plan,
    nightly,
    record,
)
from vbs_reaper.backups.answer import Answer, AnswerName, Page, TargetInfo
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.clock import TimeLeft
from vbs_reaper.errors import RunUnfinished

HERE, ELSEWHERE = "https://vbs.example", "https://vbs2.example/volume"
HOLD = {"description": "[hold]"}


def left_out(answer: dict[str, Any]) -> dict[str, str]:
    """Reason by ID."""
    assert answer["left_out"]["count"] == len(answer["left_out"]["backups"])
    return {each["id"]: each["reason"] for each in answer["left_out"]["backups"]}


# ── What is sent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_approval_sends_nothing_that_its_plan_does_not_call_due_and_only_once(world: World) -> None:
    sha256 = previewed(world, expires_after="1d")
    world.wait(days=6)
    world.cloud.records = nightly(50)
    answer = world.approve(sha256)
    assert (answer["outcome"], answer["run"], answer["message"]) == ("completed", RUN, "3 deletions were requested.")
    assert "left_out" not in answer
    assert world.queue.ids == ids(2, 3, 4)
    assert {request["requested_by"] for request in world.queue.requests} == {f"nightly/{RUN}"}
    assert {request["expires_at"] for request in world.queue.requests} == {"2026-12-14T03:00:00Z"}, "13 days from now"
    assert world.bus.types == ["VBS Purge Planned", "VBS Purge Completed"]
    assert world.approve(sha256)["outcome"] == "already_sent"


def test_an_approval_that_cuts_the_grace_short_has_a_mark_of_its_own(world: World) -> None:
    sha256 = previewed(world, grace="7d")
    due = world.approve(sha256)
    assert (due["requested"], due["with_grace"]) == (0, False)
    answer = world.approve(sha256, include_grace=True)
    assert (answer["requested"], answer["with_grace"]) == (3, True)
    assert world.approve(sha256, include_grace=True)["outcome"] == "already_sent"
    assert world.approve(sha256)["outcome"] == "already_sent", "all was sent, so the due part was too"
    assert world.queue.ids == ids(2, 3, 4)
    assert world.kinds == {"json", "html", "grace.sent"}


def test_what_the_policy_keeps_by_now_is_not_sent() -> None:
    """A guard refused the run, and two of the copies that it kept were deleted by hand since."""
    rows = nightly(6)
    world = World(rows)
    refused = world.run(keep={"last": 3}, guards={"max_fraction": 0.25})
    assert refused["reason"] == "guard_exceeded"
    world.wait(days=3)
    world.cloud.records = [rows[0], *rows[3:]]
    answer = world.approve(refused["plan"])
    assert (answer["outcome"], answer["requested"]) == ("completed", 1)
    assert world.queue.ids == ids(5)
    assert left_out(answer) == dict.fromkeys(ids(3, 4), "keep_last")
    assert answer["left_out"]["reasons"] == {"keep_last": 2}
    assert answer["message"] == (
        "1 deletion was requested. 2 backups of the plan were left out: 2 keep_last (Among the newest)."
    )


def test_what_was_held_changed_or_deleted_since_is_left_out_with_the_reason() -> None:
    world = World(nightly(9))
    sha256 = previewed(world)
    world.cloud.records = nightly(
        8,
        {
            2: HOLD,
            3: {"name": "daily-other"},
            4: {"created_at": "2026-11-20T00:00:00.000000"},
            5: {"status": "deleting"},
            6: {"name": "weekly"},
        },
    )
    answer = world.approve(sha256)
    assert world.queue.ids == ids(7)
    assert left_out(answer) == {
        backup_id(2): "held",
        backup_id(3): "expectation_failed",
        backup_id(4): "expectation_failed",
        backup_id(5): "in_use",
        backup_id(6): "expectation_failed",
        backup_id(8): "already_gone",
    }
    announced = world.bus.published[-1][1].left_out
    assert announced == msgspec.convert(answer["left_out"], type(announced))
    mark = json.loads(world.plans.objects["nightly", RUN, "sent"])
    assert (mark["requested"], mark["left_out"]["count"]) == (1, 6)


def test_no_more_than_a_hundred_are_named() -> None:
    world = World(nightly(205))
    sha256 = previewed(world)
    world.cloud.records = nightly(102)
    answer = world.approve(sha256)
    assert answer["left_out"]["count"] == 103
    assert [each["id"] for each in answer["left_out"]["backups"]] == ids(*range(102, 202))


def test_what_is_in_its_grace_again_is_sent_only_if_the_grace_is_cut_short(world: World) -> None:
    """No run stored a plan for longer than counts, so that every grace began again."""
    for day in range(3):
        sha256 = world.run(f"2026-11-{25 + day}T03:00:00Z", mode="preview", grace="2d")["plan"]
        world.wait(days=1)
    world.wait(days=2)
    answer = world.approve(sha256)
    assert (answer["requested"], left_out(answer)) == (0, dict.fromkeys(ids(2, 3, 4), "in_grace"))
    assert world.approve(sha256, include_grace=True)["requested"] == 3


def test_an_approval_that_sent_nothing_can_be_repeated_and_is_another_end(world: World) -> None:
    sha256 = previewed(world)
    world.cloud.records = nightly(5, dict.fromkeys(range(1, 5), HOLD))
    nothing = world.approve(sha256)
    assert (nothing["outcome"], nothing["requested"], nothing["left_out"]["count"]) == ("completed", 0, 3)
    assert world.kinds == {"json", "html"}
    world.cloud.records = nightly(5)
    something = world.approve(sha256)
    assert something["requested"] == 3
    assert something["id"] != nothing["id"]
    assert world.approve(sha256)["outcome"] == "already_sent"


def test_refusals_for_different_reasons_are_different_results(world: World) -> None:
    world.cloud.view = target(address=HERE)
    sha256 = previewed(world)
    world.cloud.view = target(address=ELSEWHERE)
    misplaced = world.approve(sha256)
    assert world.approve(sha256)["id"] == misplaced["id"]
    world.wait(days=8)
    expired = world.approve(sha256)
    assert (misplaced["reason"], expired["reason"]) == ("plan_misplaced", "plan_expired")
    assert misplaced["id"] != expired["id"]


@pytest.mark.parametrize(("gone", "requested"), [(0, 35), (15, 20)])
def test_an_approval_killed_half_way_sends_what_is_left_when_it_is_repeated(gone: int, requested: int) -> None:
    world = World(nightly(37))
    sha256 = previewed(world)
    world.queue.takes, world.queue.then = 2, "killed after"
    with pytest.raises(Killed):
        world.approve(sha256)
    deleted = world.queue.ids[:gone]
    world.queue = StoppingQueue()
    world.cloud.records = [row for row in nightly(37) if row["id"] not in deleted]
    answer = world.approve(sha256)
    assert answer["requested"] == requested
    assert not gone or answer["left_out"]["reasons"] == {"already_gone": gone}


def test_on_cinder_nothing_is_sent_that_a_backup_needs_which_is_not_sent() -> None:
    """After the plan, an incremental appeared that is selected too, but not approved."""
    rows = nightly(2, is_incremental=False)
    world = World(rows)
    world.cloud.view = target(service="cinder")
    sha256 = previewed(world, keep={"last": 1})
    world.wait(days=1)
    world.cloud.records = [
        record(3, age=-3 * HOUR, is_incremental=False),
        rows[0],
        record(2, age=2 * HOUR, is_incremental=True),
        rows[1],
    ]
    fresh = make_plan(world.cloud.records, world.clock.now, service="cinder", keep={"last": 1})
    assert {row.id for row in fresh.due} == {*ids(0, 1, 2)}
    answer = world.approve(sha256)
    assert (answer["requested"], left_out(answer)) == (0, {backup_id(1): "chain_blocked"})


# ── Which plan ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hash_that_is_not_of_a_plan_of_the_policy_sends_nothing(world: World) -> None:
    sha256 = previewed(world)
    assert_refused(world, world.approve("a" * 64), "plan_unknown", "a" * 64)
    assert_refused(world, world.approve(sha256, policy="weekly"), "plan_unknown", "weekly")
    world.plans.objects["weekly", RUN, "json"] = world.plans.objects["nightly", RUN, "json"]
    world.plans.hashes["weekly", RUN] = sha256
    copied = world.approve(sha256, policy="weekly")
    assert_refused(world, copied, "plan_misplaced", f"stored as weekly/{RUN} is the plan nightly/{RUN}")


def test_a_plan_that_was_changed_or_exchanged_for_another_sends_nothing(world: World) -> None:
    other = World(nightly(9))
    sha256 = previewed(world)
    previewed(other)
    key = ("nightly", RUN, "json")
    world.plans.objects[key] = world.plans.objects[key].replace(backup_id(4).encode(), backup_id(44).encode())
    assert_refused(world, world.approve(sha256), "plan_changed", f"nightly/{RUN}", "was changed after")
    world.plans.objects[key] = other.plans.objects[key]
    assert_refused(world, world.approve(sha256), "plan_changed", f"nightly/{RUN} was stored with the sha256 {sha256}")


def test_a_plan_can_be_approved_for_seven_days(world: World) -> None:
    sha256 = previewed(world)
    world.wait(days=7, seconds=1)
    assert_refused(world, world.approve(sha256), "plan_expired", "2026-11-25")
    world.wait(-1)
    assert world.approve(sha256)["outcome"] == "completed"


@pytest.mark.parametrize(
    "change",
    [
        {"keep": {"last": 3}},
        {"match": {"name": "*"}},
        {"group_by": "name"},
        {"timezone": "Europe/Berlin"},
        {"target": "other"},
    ],
)
@pytest.mark.parametrize("mode", ["preview", "purge"])
def test_an_approval_is_refused_once_a_newer_plan_selects_by_other_rules(
    world: World, mode: str, change: dict[str, object]
) -> None:
    sha256 = previewed(world)
    world.wait(60)
    world.run("2026-11-26T03:00:00Z", **({"mode": mode, "guards": {"max_deletions": 1}} | change))
    names = f"nightly/{RUN}", "nightly/2026-11-26T03-00-00Z"
    assert_refused(world, world.approve(sha256), "plan_superseded", *names, "newest")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"guards": {"max_fraction": 1, "min_kept_per_group": 5}}, "has another min_kept_per_group"),
        ({"guards": {"max_fraction": 1, "max_newest_age": "1h"}}, "has another max_newest_age"),
        ({"grace": "7d"}, "has a longer grace"),
    ],
)
@pytest.mark.parametrize("before", [{}, {"grace": "1h"}])
def test_approval_does_not_undo_a_change_by_which_the_newest_plan_keeps_more(
    change: dict[str, object], why: str, before: dict[str, object]
) -> None:
    world = World(nightly(6))
    sha256 = previewed(world, **before)
    world.wait(60)
    world.run("2026-11-25T03:05:00Z", **({"mode": "preview"} | before | change))
    assert_refused(world, world.approve(sha256), "plan_superseded", f"nightly/{RUN}", why)


@pytest.mark.parametrize("newest", [{}, {"grace": "1d"}, {"grace": "24h"}])
def test_approval_is_not_superseded_by_a_plan_without_a_longer_grace(world: World, newest: dict[str, object]) -> None:
    world.preview(grace="1d")
    world.wait(days=1)
    shown = world.run("2026-11-26T03:00:00Z", mode="preview", grace="1d")
    world.wait(60)
    world.run("2026-11-26T03:05:00Z", **({"mode": "preview"} | newest))
    assert world.approve(shown["plan"])["requested"] == 3


def test_approval_that_includes_the_backups_in_grace_does_so_however_long_the_newest_grace_is(world: World) -> None:
    sha256 = previewed(world, grace="1d")
    world.wait(60)
    world.run("2026-11-25T03:05:00Z", mode="preview", grace="30d")
    assert world.approve(sha256, include_grace=True)["requested"] == 3


def test_a_newer_plan_by_the_same_rules_supersedes_nothing(world: World) -> None:
    sha256 = previewed(world)
    world.wait(60)
    world.run("2026-11-25T04:00:00Z", mode="preview", keep={"last": 4})
    world.wait(60)
    world.run("2026-11-26T03:00:00Z", guards={"max_deletions": 1})
    assert world.approve(sha256)["requested"] == 3


class BusyDay(ListedCloud):
    """While its backups are listed, the policy is previewed with other rules."""

    meanwhile: Callable[[], object] | None = None

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        other, self.meanwhile = self.meanwhile, None
        if other is not None:
            other()
        return super().list_backups(target, time_left, project_id, address)


def test_an_approval_is_refused_if_a_plan_by_other_rules_is_stored_while_the_backups_are_listed() -> None:
    cloud = BusyDay(nightly(5))
    world = World(cloud=cloud)
    sha256 = previewed(world)
    world.wait(60)
    cloud.meanwhile = lambda: world.run("2026-11-25T03:05:00Z", mode="preview", keep={"last": 4})
    assert_refused(world, world.approve(sha256), "plan_superseded", "nightly/2026-11-25T03-05-00Z")


@pytest.mark.parametrize("changes", [{"keep": {"last": 4}}, {"guards": {"max_fraction": 0.9}}])
def test_a_repeated_run_is_refused_if_a_plan_that_keeps_more_is_stored_while_the_backups_are_listed(
    changes: dict[str, Any],
) -> None:
    cloud = BusyDay(nightly(5))
    world = World(cloud=cloud)
    world.interrupt()
    world.wait(60)
    cloud.meanwhile = lambda: world.run("2026-11-25T03:05:00Z", **{"mode": "preview", **changes})
    assert_refused(world, world.run(), "plan_superseded", "nightly/2026-11-25T03-05-00Z")


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_run_is_refused_if_a_plan_by_other_rules_is_stored_while_the_backups_are_listed(*, is_killed: bool) -> None:
    cloud = BusyDay(nightly(5))
    world = World(cloud=cloud)

    def preview_other_rules() -> None:
        world.wait(60)
        world.run("2026-11-25T03:01:00Z", mode="preview", keep={"last": 4})
        world.bus.is_down = is_killed

    cloud.meanwhile = preview_other_rules
    if is_killed:
        with pytest.raises(RunUnfinished):
            world.run()
        assert world.kinds == {"json", "html"}
        world.bus.is_down = False
    assert_refused(world, world.run(), "plan_superseded", "nightly/2026-11-25T03-01-00Z")


def test_an_approval_is_refused_if_the_newest_plan_is_not_believed(world: World) -> None:
    sha256 = previewed(world)
    world.run("2026-11-26T03:00:00Z", mode="preview")
    world.plans.stored_at["nightly", "2026-11-26T03-00-00Z", "json"] = NOW + HOUR
    words = "nightly/2026-11-26T03-00-00Z", "within 30 minutes"
    assert_refused(world, world.approve(sha256), "plan_changed", *words)
    world.plans.objects["nightly", "odd", "json"] = b"{}"
    assert_refused(world, world.approve(sha256), "plan_changed", "nightly/odd")


# ── The list ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_approval_is_refused_if_the_list_is_cut_short_in_doubt_or_contradicts_itself(world: World) -> None:
    sha256 = previewed(world)
    world.cloud.ends_with = Answer(name=AnswerName.UNAVAILABLE, message="503", at=NOW)
    assert_refused(world, world.approve(sha256), "listing_incomplete", "503")
    world.cloud.ends_with = None
    world.clock.advance(600)
    assert_refused(world, world.approve(sha256), "clock_doubt", "differ by 600 s")
    world.clock.advance(-600)
    world.cloud.records = [*nightly(5), record(0, age=9 * DAY)]
    assert_refused(world, world.approve(sha256), "inventory_doubtful")


@pytest.mark.parametrize("call", ["find", "newest"])
def test_a_bucket_that_is_busy_fails_the_approval(world: World, call: str) -> None:
    sha256 = previewed(world)
    world.plans.busy_at = call
    with pytest.raises(RunUnfinished, match=rf"^nightly/{sha256}: the plans bucket cannot be used \(SlowDown\)$"):
        world.approve(sha256)
    assert world.queue.sent == []
    assert world.bus.types == ["VBS Purge Planned"]


# ── The place ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_names_the_place_it_is_of_and_its_listing_is_bound_to_it(world: World) -> None:
    world.cloud.view = target(address=HERE)
    sha256 = previewed(world)
    assert world.document()["endpoint"] == HERE
    assert world.cloud.addresses == [HERE]
    assert world.approve(sha256)["outcome"] == "completed"


def test_of_a_plan_without_a_place_only_the_project_counts(world: World) -> None:
    sha256 = previewed(world)
    assert "endpoint" not in world.document()
    world.cloud.view = target(project_id=OTHER_PROJECT)
    assert_refused(world, world.approve(sha256), "plan_misplaced", PROJECT, OTHER_PROJECT)
    world.cloud.view = target(address=HERE)
    assert world.approve(sha256)["requested"] == 3


PLACES = cases(
    {
        "another address": (target(address=ELSEWHERE), (HERE, ELSEWHERE)),
        "another project": (target(address=HERE, project_id=OTHER_PROJECT), (PROJECT, OTHER_PROJECT)),
    }
)


@pytest.mark.parametrize(("view", "words"), PLACES)
@pytest.mark.parametrize("is_approved", [False, True])
def test_a_stored_plan_is_not_sent_to_another_place(
    world: World, view: TargetInfo, words: tuple[str, str], *, is_approved: bool
) -> None:
    world.cloud.view = target(address=HERE)
    if is_approved:
        sha256 = previewed(world)
    else:
        world.interrupt()

    def send() -> dict[str, Any]:
        return world.approve(sha256) if is_approved else world.run()

    world.cloud.view = view
    assert_refused(world, send(), "plan_misplaced", '"otc-prod"', *words)
    world.cloud.view = target(address=HERE)
    assert send()["requested"] == 3


class MovingCloud(ListedCloud):
    """A target with a secret that is changed after each read."""

    after: TargetInfo | None = None

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        found = super().describe_target(target, time_left)
        self.view = self.after or self.view
        return found


@pytest.mark.parametrize(("view", "words"), PLACES)
def test_an_approval_is_refused_if_the_place_changes_between_the_look_at_it_and_the_list(
    view: TargetInfo, words: tuple[str, str]
) -> None:
    cloud = MovingCloud(nightly(5))
    cloud.view = target(address=HERE)
    world = World(cloud=cloud)
    sha256 = previewed(world)
    cloud.after = view
    assert_refused(world, world.approve(sha256), "plan_misplaced", *words)


def test_the_plan_of_a_faster_invocation_of_another_place_is_not_sent(world: World) -> None:
    faster = World(nightly(5))
    faster.cloud.view, world.cloud.view = target(address=ELSEWHERE), target(address=HERE)
    faster.run()
    world.plans.concurrent_plan = faster.plans.objects["nightly", RUN, "json"]
    assert_refused(world, world.run(), "plan_misplaced", HERE, ELSEWHERE)


# ── Guards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_other_volumes(backups: int, volumes: int = 68) -> list[Record]:
    """Nightly backups of one volume, and volumes with one backup each, which are kept."""
    others = [record(1000 + n, age=DAY, volume_id=backup_id(10**8 + n)) for n in range(volumes)]
    return [*nightly(backups), *others]


def test_an_approval_passes_a_guard_only_as_far_as_its_plan_showed() -> None:
    world = World(with_other_volumes(32))
    refused = world.run(guards={"max_fraction": 0.25, "max_deletions": 3})
    assert "30 due, max_fraction 0.25 allows only 25" in refused["message"]
    world.cloud.records = with_other_volumes(32, volumes=67)
    answer = world.approve(refused["plan"])
    assert_refused(world, answer, "guard_exceeded", "30 of 100", "30 of 99", "preview the policy again")
    world.cloud.records = with_other_volumes(31)
    assert world.approve(refused["plan"])["requested"] == 29


def test_with_the_grace_cut_short_the_guards_are_held_against_all_that_the_plan_selects() -> None:
    world = World(with_other_volumes(32))
    sha256 = previewed(world, grace="7d", guards={"max_fraction": 0.25})
    assert world.approve(sha256, include_grace=True)["requested"] == 30
