"""An approval lists and plans again: it sends what both plans let go, and says what it left out and why."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import (
    POLICY,
    RUN,
    Killed,
    ListedCloud,
    StoppingQueue,
    World,
    assert_refused,
    previewed,
)
from tests.unit.purge.strategies import (
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    backup_id,
    inventory,
    many,
    nightly,
    policies,
    record,
    records,
)
from vbs_reaper.backups.answer import Answer, AnswerName, Page, Service, TargetInfo
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.clock import TimeLeft
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import read_plan
from vbs_reaper.purge.planned_backup import newest_first
from vbs_reaper.purge.policy import PurgePolicy, read_policy

DAY_S = 86400


def ids(*numbers: int) -> list[str]:
    return [backup_id(number) for number in numbers]


def left_out(answer: dict[str, Any]) -> dict[str, str]:
    """Reason by id."""
    assert answer["left_out"]["count"] == len(answer["left_out"]["backups"])
    return {each["id"]: each["reason"] for each in answer["left_out"]["backups"]}


def on_cinder(rows: list[Record]) -> World:
    world = World(rows)
    world.cloud.view = TargetInfo(
        project_id=ProjectId(PROJECT), hold_marker="[hold]", shows_metadata=False, service="cinder"
    )
    return world


def test_what_the_policy_keeps_by_now_is_not_sent() -> None:
    """A guard refused the run, and two of the copies that it kept were deleted by hand since."""
    rows = nightly(6)
    world = World(rows)
    refused = world.run(keep={"last": 3}, guards={"max_fraction": 0.25})
    assert refused["reason"] == "guard_exceeded"
    world.wait(3 * DAY_S)
    world.cloud.records = [rows[0], *rows[3:]]
    answer = world.approve(refused["plan"])
    assert (answer["outcome"], answer["requested"]) == ("completed", 1)
    assert world.queue.ids == ids(5)
    assert left_out(answer) == dict.fromkeys(ids(3, 4), "keep_last")
    assert answer["left_out"]["reasons"] == {"keep_last": 2}
    assert answer["message"] == (
        "1 deletion was requested. 2 backups of the plan were left out: 2 keep_last (Among the newest)."
    )


def test_a_request_names_the_survivors_of_now() -> None:
    rows = nightly(5)
    world = World(rows)
    sha256 = previewed(world)
    world.wait(DAY_S)
    world.cloud.records = [record(9, age=timedelta(hours=-12)), *rows[1:]]
    world.approve(sha256)
    assert world.queue.ids == ids(2, 3, 4)
    assert [request["expect"]["survivors"] for request in world.queue.requests] == [ids(9)] * 3
    assert {request["requested_by"] for request in world.queue.requests} == {f"nightly/{RUN}"}


def test_what_was_held_changed_or_deleted_since_is_left_out_with_the_reason() -> None:
    rows = nightly(9)
    world = World(rows)
    sha256 = previewed(world)
    rows[2]["description"] = "[hold]"
    rows[3]["name"] = "daily-other"
    rows[4]["created_at"] = "2026-11-20T00:00:00.000000"
    rows[5]["status"] = "deleting"
    rows[6]["name"] = "weekly"
    world.cloud.records = rows[:8]
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
    assert world.bus.heard[-1][1].left_out == msgspec.convert(answer["left_out"], type(world.bus.heard[-1][1].left_out))
    mark = json.loads(world.plans.objects["nightly", RUN, "sent"])
    assert (mark["requested"], mark["left_out"]["count"]) == (1, 6)


def test_no_more_than_a_hundred_are_named() -> None:
    rows = nightly(205)
    world = World(rows)
    sha256 = previewed(world)
    world.cloud.records = rows[:102]
    answer = world.approve(sha256)
    assert answer["left_out"]["count"] == 103
    assert [each["id"] for each in answer["left_out"]["backups"]] == ids(*range(102, 202))


def test_an_approval_that_left_nothing_out_says_nothing_of_it() -> None:
    world = World(nightly(5))
    answer = world.approve(previewed(world))
    assert "left_out" not in answer
    assert answer["message"] == "3 deletions were requested."


def test_what_is_in_its_grace_again_is_sent_only_if_the_grace_is_cut_short() -> None:
    """No run stored a plan for longer than counts, so that every grace began again."""
    world = World(nightly(5))
    for day in range(3):
        sha256 = world.run(f"2026-11-{25 + day}T03:00:00Z", mode="preview", grace="2d")["plan"]
        world.wait(DAY_S)
    world.wait(2 * DAY_S)
    answer = world.approve(sha256)
    assert (answer["requested"], left_out(answer)) == (0, dict.fromkeys(ids(2, 3, 4), "in_grace"))
    assert world.approve(sha256, include_grace=True)["requested"] == 3


def test_an_approval_that_sent_nothing_can_be_repeated_and_is_another_end() -> None:
    rows = nightly(5)
    world = World(rows)
    sha256 = previewed(world)
    world.cloud.records = rows[:1] + [row | {"description": "[hold]"} for row in rows[1:]]
    nothing = world.approve(sha256)
    assert (nothing["outcome"], nothing["requested"], nothing["left_out"]["count"]) == ("completed", 0, 3)
    assert not {key[2] for key in world.plans.objects} & {"sent", "grace.sent"}
    world.cloud.records = rows
    something = world.approve(sha256)
    assert something["requested"] == 3
    assert something["id"] != nothing["id"]
    assert world.approve(sha256)["outcome"] == "already_sent"


def test_an_approval_killed_half_way_sends_what_is_left_when_it_is_repeated() -> None:
    rows = nightly(37)
    world = World(rows)
    sha256 = previewed(world)
    world.queue.takes, world.queue.then = 2, "killed after"
    with pytest.raises(Killed):
        world.approve(sha256)
    gone = set(world.queue.ids[:15])
    world.queue = StoppingQueue()
    world.cloud.records = [row for row in rows if row["id"] not in gone]
    answer = world.approve(sha256)
    assert (answer["requested"], answer["left_out"]["reasons"]) == (20, {"already_gone": 15})


# ── The newest plan ───────────────────────────────────────────────────────────────────────────────────────────────────


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
def test_an_approval_is_refused_once_a_newer_plan_selects_by_other_rules(mode: str, change: dict[str, object]) -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.wait(60)
    world.run("2026-11-26T03:00:00Z", **({"mode": mode, "guards": {"max_deletions": 1}} | change))
    assert_refused(
        world, world.approve(sha256), "plan_superseded", f"nightly/{RUN}", "nightly/2026-11-26T03-00-00Z", "newest"
    )


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
def test_approval_is_not_superseded_by_a_plan_without_a_longer_grace(newest: dict[str, object]) -> None:
    world = World(nightly(5), ManualClock(NOW))
    world.preview(grace="1d")
    world.wait(timedelta(days=1).total_seconds())
    shown = world.run("2026-11-26T03:00:00Z", mode="preview", grace="1d")
    world.wait(60)
    world.run("2026-11-26T03:05:00Z", **({"mode": "preview"} | newest))
    assert world.approve(shown["plan"])["requested"] == 3


def test_approval_that_includes_the_backups_in_grace_does_so_however_long_the_newest_grace_is() -> None:
    world = World(nightly(5))
    sha256 = previewed(world, grace="1d")
    world.wait(60)
    world.run("2026-11-25T03:05:00Z", mode="preview", grace="30d")
    assert world.approve(sha256, include_grace=True)["requested"] == 3


def test_a_newer_plan_by_the_same_rules_supersedes_nothing() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.wait(60)
    world.run("2026-11-25T04:00:00Z", mode="preview", keep={"last": 4})
    world.wait(60)
    world.run("2026-11-26T03:00:00Z", guards={"max_deletions": 1})
    assert world.approve(sha256)["requested"] == 3


def test_an_approval_is_refused_if_the_newest_plan_cannot_be_read() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.plans.objects["nightly", "odd", "json"] = b"{}"
    assert_refused(world, world.approve(sha256), "plan_changed", "nightly/odd")


def test_an_approval_is_refused_if_the_newest_plan_was_not_stored_when_it_was_made() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.run("2026-11-26T03:00:00Z", mode="preview")
    world.plans.stored_at["nightly", "2026-11-26T03-00-00Z", "json"] = NOW + timedelta(hours=1)
    assert_refused(world, world.approve(sha256), "plan_changed", "nightly/2026-11-26T03-00-00Z", "within 30 minutes")


class BusyDay(ListedCloud):
    """While its backups are listed, somebody previews the policy with other rules."""

    meanwhile: Callable[[], object] | None = None

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        """Show everything; the other preview ends first."""
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


# ── The list ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_approval_is_refused_if_the_list_is_cut_short() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.cloud.ends_with = Answer(name=AnswerName.UNAVAILABLE, message="503", at=NOW)
    assert_refused(world, world.approve(sha256), "listing_incomplete", "503")


def test_an_approval_is_refused_if_a_clock_is_in_doubt() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.clock.advance(600)
    assert_refused(world, world.approve(sha256), "clock_doubt", "differ by 600 s")


def test_an_approval_is_refused_if_the_list_contradicts_itself() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.cloud.records = [*nightly(5), record(0, age=timedelta(days=9))]
    assert_refused(world, world.approve(sha256), "inventory_doubtful")


class MovingCloud(ListedCloud):
    """A target whose secret is changed after each look at it."""

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        """The project of before the change."""
        found = super().describe_target(target, time_left)
        self.view = TargetInfo(project_id=ProjectId(OTHER_PROJECT), hold_marker="[hold]", shows_metadata=False)
        return found


def test_an_approval_is_refused_if_the_project_changes_between_the_look_at_it_and_the_list() -> None:
    world = World(nightly(5), cloud=MovingCloud(nightly(5)))
    sha256 = previewed(world)
    world.cloud.view = TargetInfo(project_id=ProjectId(PROJECT), hold_marker="[hold]", shows_metadata=False)
    assert_refused(world, world.approve(sha256), "plan_misplaced", PROJECT, OTHER_PROJECT)


@dataclass
class MovingService(ListedCloud):
    """A target whose service moves to another address after the first look during an approval."""

    moves_to: str | None = None

    def describe_target(self, target: str, time_left: TimeLeft) -> TargetInfo | Answer:
        """The address before the move."""
        found = super().describe_target(target, time_left)
        if self.moves_to and isinstance(self.view, TargetInfo):
            self.view = replace(self.view, address=self.moves_to)
        return found


def test_an_approval_is_refused_if_the_address_changes_between_the_check_and_the_list() -> None:
    here, elsewhere = "https://vbs.example", "https://vbs.elsewhere.example"
    cloud = MovingService(nightly(5))
    cloud.view = TargetInfo(project_id=ProjectId(PROJECT), hold_marker="[hold]", shows_metadata=False, address=here)
    world = World(nightly(5), cloud=cloud)
    sha256 = previewed(world)
    cloud.moves_to = elsewhere
    assert_refused(world, world.approve(sha256), "plan_misplaced", here, elsewhere)


def test_a_bucket_that_is_busy_when_the_newest_plan_is_looked_for_fails_the_approval() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.plans.busy_at = "newest"
    with pytest.raises(RunUnfinished, match="SlowDown"):
        world.approve(sha256)
    assert world.queue.sent == []


# ── Guards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def other_volumes(count: int) -> list[Record]:
    """Volumes of one backup each: all of it stays."""
    return [
        record(1000 + number, age=timedelta(days=1), volume_id=backup_id(10**8 + number)) for number in range(count)
    ]


def test_an_approval_passes_a_guard_only_as_far_as_its_plan_showed() -> None:
    world = World([*nightly(32), *other_volumes(68)])
    refused = world.run(guards={"max_fraction": 0.25})
    assert "30 due, max_fraction 0.25 allows only 25" in refused["message"]
    world.cloud.records = [*nightly(32), *other_volumes(67)]
    answer = world.approve(refused["plan"])
    assert_refused(world, answer, "guard_exceeded", "30 of 100", "30 of 99", "preview the policy again")


def test_an_approval_passes_the_guard_that_its_plan_showed_also_after_a_part_of_it_is_gone() -> None:
    world = World([*nightly(32), *other_volumes(68)])
    refused = world.run(guards={"max_fraction": 0.25, "max_deletions": 3})
    world.cloud.records = [*nightly(31), *other_volumes(68)]
    assert world.approve(refused["plan"])["requested"] == 29


def test_with_the_grace_cut_short_the_guards_are_held_against_all_that_the_plan_selects() -> None:
    world = World([*nightly(32), *other_volumes(68)])
    sha256 = previewed(world, grace="7d", guards={"max_fraction": 0.25})
    assert world.approve(sha256, include_grace=True)["requested"] == 30


# ── Chains ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_cinder_nothing_is_sent_that_a_backup_needs_which_is_not_sent() -> None:
    """Since the plan was made, an incremental appeared that goes too but is not approved."""
    rows = [
        record(0, age=timedelta(hours=1), is_incremental=False),
        record(1, age=timedelta(days=1), is_incremental=False),
    ]
    world = on_cinder(rows)
    sha256 = previewed(world, keep={"last": 1})
    world.wait(DAY_S)
    world.cloud.records = [
        record(3, age=timedelta(hours=-3), is_incremental=False),
        rows[0],
        record(2, age=timedelta(hours=2), is_incremental=True),
        rows[1],
    ]
    assert {
        row.id
        for row in plan(
            read_policy(POLICY | {"keep": {"last": 1}}),
            inventory(world.cloud.records, service="cinder"),
            world.clock.now,
        ).due
    } == set(ids(0, 1, 2))
    answer = world.approve(sha256)
    assert (answer["requested"], left_out(answer)) == (0, {backup_id(1): "chain_blocked"})


services: st.SearchStrategy[Service] = st.sampled_from(["vbs", "cinder"])
changes = st.sampled_from(["stays"] * 4 + ["gone", "held", "renamed", "failed", "remade"])
"""What becomes of a backup between a plan and its approval."""


def changed(rows: list[Record], fates: list[str]) -> list[Record]:
    """The backups after people and other tools have worked on them."""
    parts: dict[str, Record] = {
        "stays": {},
        "held": {"description": "[hold]"},
        "renamed": {"name": "daily-renamed"},
        "failed": {"status": "error"},
        "remade": {"created_at": NOW.isoformat()},
    }
    return [row | parts[fate] for row, fate in zip(rows, fates, strict=True) if fate != "gone"]


def assert_names_survivors_that_are_newer_and_kept(request: dict[str, Any], made: Plan) -> None:
    """Every request names one, except those of a policy that applies to failed backups only: nothing is kept there."""
    rows = {row.id: row for row in made.backups}
    going = rows[request["backup_id"]]
    survivors = [rows[each] for each in request["expect"].get("survivors", [])]
    kept = [row for row in made.backups if row.keep and row.is_copy and row.group == going.group]
    if not kept:
        assert going.status == "error"
        return
    assert 1 <= len(survivors) <= 2
    assert all(row.keep and row.is_copy for row in survivors)
    is_newer = [newest_first(row) > newest_first(going) for row in survivors]
    assert any(is_newer) or going.status == "error", "a failed copy may be newer than all usable ones"


def check_approval(  # noqa: PLR0913  # each is a separate value
    policy: dict[str, Any],
    rows: list[Record],
    later: list[Record],
    days: int,
    service: Service,
    *,
    with_grace: bool,
) -> int:
    """Preview, let the backups become `later`, approve; return how many deletions were requested."""
    document = policy | {
        "target": "otc-prod",
        "guards": {"max_fraction": 1, "max_deletions": 999, "max_volumes_left_without": 99},
    }
    world = World(rows)
    world.cloud.view = TargetInfo(
        project_id=ProjectId(PROJECT), hold_marker="[hold]", shows_metadata=False, service=service
    )
    shown = world.handle({"run": document, "scheduled_time": "2026-11-25T03:00:00Z"})
    if shown["outcome"] == "refused":
        return 0
    chosen = {row["id"]: row for row in world.document()["backups"] if not row["keep"]}
    due = chosen.keys() if with_grace else chosen.keys() & set(world.due())
    world.wait(days * DAY_S)
    world.cloud.records = later
    world.queue = StoppingQueue()
    answer = world.approve(shown["plan"], include_grace=with_grace)
    sent = set(world.queue.ids)
    if answer["outcome"] == "refused":
        assert not sent
        assert answer["reason"] == "guard_exceeded"
        return 0
    made = inventory(later, service=service, project_id=PROJECT)
    fresh = plan(read_policy(document), made, world.clock.now)
    let_go = {row.id: row for row in fresh.selected}
    assert sent <= due & let_go.keys()
    assert not {row["id"] for row in later if row.get("description") == "[hold]"} & sent
    for each in sent:
        assert (let_go[each].volume_id, let_go[each].name) == (chosen[each]["volume_id"], chosen[each]["name"])
    for request in world.queue.requests:
        assert_names_survivors_that_are_newer_and_kept(request, fresh)
    if answer["outcome"] == "completed":
        out = answer.get("left_out", {"count": 0, "reasons": {}})
        assert len(sent) + out["count"] == len(due)
        assert sum(out["reasons"].values()) == out["count"]
    return len(sent)


@many
@given(policies(), records(), st.data(), services, st.booleans())
def test_an_approval_sends_only_what_the_plan_showed_and_a_plan_of_now_lets_go(
    policy: PurgePolicy, rows: list[Record], data: st.DataObject, service: Service, with_grace: bool
) -> None:
    fates = data.draw(st.lists(changes, min_size=len(rows), max_size=len(rows)))
    added = [row | {"id": backup_id(5000 + place)} for place, row in enumerate(nightly(data.draw(st.integers(0, 3))))]
    later = [*changed(rows, fates), *added]
    days = data.draw(st.integers(0, 3))
    check_approval(msgspec.to_builtins(policy), rows, later, days, service, with_grace=with_grace)


def any_records(chance: Random, first: int) -> list[Record]:
    """Backups of a few volumes with a few names, now and then odd. Drawn in a hundredth of the time of `records`."""
    found = []
    for number in range(first, first + chance.randrange(24)):
        row = record(
            number,
            age=timedelta(minutes=chance.randrange(60 * 24 * chance.choice([2, 40, 400]))),
            volume_id=backup_id(10**9 + chance.randrange(3)),
            status=chance.choice(["available"] * 9 + ["error", "error", "creating"]),
            name=chance.choice(["daily-a", "daily-a", "daily-b", "weekly-a", None, "daily-a [hold]"]),
            is_incremental=chance.choice([False] * 6 + [True, None]),
        )
        if chance.random() < 0.02:
            del row[chance.choice([key for key in row if key != "id"])]
        found.append(row)
    return found


def any_policy(chance: Random) -> dict[str, Any]:
    rules: list[dict[str, Any]] = [{rule: chance.randint(1, 5)} for rule in ("last", "hourly", "daily", "weekly")]
    rules += [{rule: chance.choice(["36h", "7d", "1m"])} for rule in ("within", "within_daily", "within_weekly")]
    keep: dict[str, Any] = {}
    for rule in chance.sample(rules, chance.randint(1, 3)):
        keep |= rule
    match: dict[str, Any] = {"name": chance.choice(["daily*", "*", "daily-a"])}
    match |= chance.choice([{}, {}, {"status": "error"}, {"status": ["available", "error"]}, {"older_than": "2d"}])
    group_by: Any = chance.choice(["volume", "volume", "name", {"name": "^(\\w+)-"}])
    return {"policy": "nightly", "match": match, "keep": keep, "group_by": group_by} | chance.choice(
        [{}, {}, {"grace": "36h"}]
    )


@pytest.mark.parametrize("half", [0, 1])
def test_approvals_of_many_drawn_inventories_that_change_before_they_are_approved(
    half: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The property above for many more inventories: `PURGE_APPROVALS=100000` takes minutes on an idle machine."""
    monkeypatch.setattr("vbs_reaper.purge.plan.advise", lambda *_: ())  # it decides nothing and takes most of the time
    requested = 0
    for seed in range(half, int(os.environ.get("PURGE_APPROVALS", "300")), 2):
        chance = Random(seed)
        rows = any_records(chance, 0)
        fates = [chance.choice(["stays"] * 15 + ["gone", "held", "renamed", "failed", "remade"]) for _ in rows]
        later = [*changed(rows, fates), *any_records(chance, 5000)[: chance.randrange(6)]]
        try:
            requested += check_approval(
                any_policy(chance),
                rows,
                later,
                chance.randrange(4),
                chance.choice(["vbs", "cinder"]),
                with_grace=chance.random() < 0.5,
            )
        except Exception as error:
            raise AssertionError(f"inventory {seed}") from error
    assert requested
    print(f"{requested:,} deletions were requested")  # noqa: T201  # shown with -s


@many
@given(policies(), records(), services)
def test_every_request_of_a_run_names_a_survivor_that_is_newer_and_kept(
    policy: PurgePolicy, rows: list[Record], service: Service
) -> None:
    document = msgspec.to_builtins(policy) | {
        "target": "otc-prod",
        "mode": "purge",
        "guards": {"max_fraction": 1, "max_deletions": 999, "max_volumes_left_without": 99},
    }
    document.pop("grace", None)
    world = World(rows)
    world.cloud.view = TargetInfo(
        project_id=ProjectId(PROJECT), hold_marker="[hold]", shows_metadata=False, service=service
    )
    world.handle({"run": document, "scheduled_time": "2026-11-25T03:00:00Z"})
    if not world.queue.sent:
        return
    made = read_plan(world.plans.objects["nightly", RUN, "json"])
    for request in world.queue.requests:
        assert_names_survivors_that_are_newer_and_kept(request, made)
