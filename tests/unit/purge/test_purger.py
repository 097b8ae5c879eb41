"""A purge run, from event to result: what is sent, refused and published, and what a repeated run does."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.support.cases import cases
from tests.unit.purge import strategies as draw
from tests.unit.purge.purge_world import (
    INVOCATION,
    POLICY,
    RUN,
    Killed,
    StoppingQueue,
    StoredPlans,
    World,
    assert_refused,
    previewed,
    target,
)
from tests.unit.purge.strategies import DAY, NOW, PROJECT, Record, backup_id, ids, inventory, nightly, policy, record
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.deletion.request import read_request
from vbs_reaper.errors import RunRefused, RunUnfinished
from vbs_reaper.purge.event import Run
from vbs_reaper.purge.listing import ListedRows
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planning import make_and_store_plan
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.superseded import check_not_outdated
from vbs_reaper.reasons import Reason

PLANNED, COMPLETED, REFUSED = "VBS Purge Planned", "VBS Purge Completed", "VBS Purge Refused"
FOUND = "Planned at 2026-11-25T03:00:00Z; the backups were not listed again. "
SENT_BEFORE = f"The deletions of nightly/{RUN} were requested before; nothing was sent again."

# ── A run ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_purge_plans_stores_sends_and_publishes(world: World) -> None:
    answer = world.run()
    assert (answer["outcome"], answer["requested"], answer["run"]) == ("completed", 3, RUN)
    assert (answer["with_grace"], answer["message"]) == (False, "3 deletions were requested.")
    assert world.queue.ids == ids(2, 3, 4) == world.due()
    assert world.bus.types == [PLANNED, COMPLETED]
    assert world.kinds == {"json", "html", "sent"}
    assert answer["plan"] == world.document()["sha256"]
    assert answer["document"] == f"plans/nightly/{RUN}.json"
    assert world.report.deletions == [("nightly", 3)]
    assert json.loads(world.plans.objects["nightly", RUN, "sent"]) == json.loads(json.dumps(answer))


@pytest.mark.parametrize("mode", [{"mode": "preview"}, {}], ids=["preview", "no mode"])
def test_a_preview_stores_a_plan_and_its_page_and_sends_nothing(world: World, mode: dict[str, str]) -> None:
    asked = {key: value for key, value in POLICY.items() if key != "mode"} | mode
    answer = world.handle({"run": asked, "scheduled_time": "2026-11-25T03:00:00Z"})
    assert (answer["outcome"], answer["totals"]["due"]) == ("planned", 3)
    assert world.queue.sent == []
    assert world.bus.types == [PLANNED]
    assert world.kinds == {"json", "html"}
    assert world.plans.objects["nightly", RUN, "html"] == f"the page of {answer['plan']}".encode()
    assert msgspec.to_builtins(world.report.plans[-1]) == answer


def test_every_end_has_all_fields_and_its_own_id(world: World) -> None:
    sha256 = world.preview(guards={"max_deletions": 1}, grace="1h")["plan"]
    planned = world.bus.published[-1][1]
    of_the_plan = {
        "policy": "nightly",
        "run": RUN,
        "target": "otc-prod",
        "plan": sha256,
        "document": f"plans/nightly/{RUN}.json",
        "picture": f"plans/nightly/{RUN}.html",
        "totals": msgspec.to_builtins(planned.totals),
        "guards": msgspec.to_builtins(planned.guards),
    }
    ends = [planned, *(world.approve(sha256, include_grace=True) for _ in range(2)), world.approve("a" * 64)]
    results = [msgspec.to_builtins(end) for end in ends]
    assert [{key: end[key] for key in end if key not in {"id", "action"}} for end in results] == [
        {
            "outcome": "planned",
            "reason": "planned",
            "message": "0 of 5 backups are due, 0 GiB.",
            **of_the_plan,
            "warnings": tuple(world.warnings()),
        },
        {
            "outcome": "completed",
            "reason": "all_requested",
            "message": "3 deletions were requested, including those in grace.",
            **of_the_plan,
            "with_grace": True,
            "requested": 3,
        },
        {
            "outcome": "already_sent",
            "reason": "already_requested",
            "message": SENT_BEFORE,
            **of_the_plan,
            "with_grace": True,
        },
        {
            "outcome": "refused",
            "reason": "plan_unknown",
            "message": f'policy "nightly" has no stored plan {"a" * 64}',
            "policy": "nightly",
            "run": "a" * 64,
        },
    ]
    actions = {reason.value: reason.action for reason in Reason}
    assert [end["action"] for end in results] == [actions[end["reason"]] for end in results]
    assert len({end["id"] for end in results}) == 4


def test_the_id_of_an_end_is_of_its_policy_run_and_kind_and_never_changes(world: World) -> None:
    """Consumers drop repeats by it, also across a new version of this application."""
    sha256 = previewed(world, grace="7d")
    due, whole = world.approve(sha256), world.approve(sha256, include_grace=True)
    assert [world.report.plans[-1].id, due["id"], whole["id"]] == [
        "189d59b4-1209-5c87-ae85-cbd5f2a673b4",
        "fd4fdeca-7d2e-5bcd-af2d-6f5fbfd4d94e",
        "58d2d3c8-1a9a-58a7-8b39-88e0dfd81160",
    ]
    ends = [end["id"] for end in (due, whole)]
    for name in ("nightly", "weekly"):
        for scheduled in ("2026-11-25T03:00:00Z", "2026-11-26T03:00:00Z"):
            for is_refused in (False, True):
                other = World(nightly(5))
                other.cloud.date = None if is_refused else NOW
                ends += [
                    other.run(scheduled, policy=name)["id"],
                    *(detail.id for _, detail in other.bus.published[:-1]),
                ]
    # A completed run has the ID of the approval of its plan: both say that the due deletions were requested.
    assert len({UUID(end) for end in ends}) == 2 + 4 * 3 - 1


def test_requests_go_ten_at_a_time() -> None:
    world = World(nightly(37))
    world.run()
    assert world.queue.sizes == [10, 10, 10, 5]


def test_the_list_is_the_targets_in_the_functions_time_with_the_project_as_guard() -> None:
    world = World(nightly(3))
    world.run()
    assert world.cloud.viewed == [("otc-prod", 900.0)] * 2
    assert world.cloud.asked == [("otc-prod", 900.0, PROJECT)]
    world.approve(world.run("2026-11-25T04:00:00Z", mode="preview")["plan"])
    assert world.cloud.viewed == [("otc-prod", 900.0)] * 5
    assert world.cloud.asked == [("otc-prod", 900.0, PROJECT)] * 3


@pytest.mark.parametrize(
    ("view", "fields", "reason"),
    [
        ({"hold_marker": "KEEP"}, {"description": "KEEP this"}, "held"),
        ({"shows_metadata": True}, {}, "unknown_field"),
        ({"service": "cinder"}, {"is_incremental": True}, "chain_blocked"),
    ],
)
def test_the_target_determines_how_its_backups_are_read(
    view: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    world = World([*nightly(2, is_incremental=True), record(2, age=2 * DAY, **fields)])
    world.cloud.view = target(**view)
    world.run()
    (row,) = (row for row in world.document()["backups"] if row["id"] == backup_id(2))
    assert reason in row["reasons"]
    assert world.queue.sent == []


def test_a_request_names_all_that_must_be_true_when_its_backup_goes() -> None:
    world = World(nightly(4))
    world.run(guards={"min_kept_per_group": 2, "max_fraction": 1})
    assert world.queue.requests[0] == {
        "backup_id": backup_id(2),
        "target": "otc-prod",
        "project_id": PROJECT,
        "expect": {
            "volume_id": backup_id(10**9),
            "created_at": "2026-11-23T02:00:00Z",
            "name": "daily-2",
            "status": "available",
            "survivors": ids(0),
        },
        "expires_at": "2026-11-28T03:00:00Z",
        "requested_by": f"nightly/{RUN}",
    }
    for message, request in zip(world.queue.sent, world.queue.requests, strict=True):
        assert (message.group, message.attributes["purge_run"]) == ("otc-prod", f"nightly/{RUN}")
        assert message.attributes["volume_id"] == request["expect"]["volume_id"], "a proof of its deletion may need it"
        read_request(request, NOW)


def test_where_no_copy_is_left_no_survivor_is_named() -> None:
    world = World(nightly(2, status="error"))
    world.run(match={"status": ["error"]})
    expectations = [request["expect"] for request in world.queue.requests]
    assert [set(each) for each in expectations] == [{"volume_id", "created_at", "name", "status"}] * 2
    assert [each["status"] for each in expectations] == ["error"] * 2


def test_each_group_is_sent_newest_first() -> None:
    other = [record(100 + n, age=n * DAY, volume_id=backup_id(10**9 + 1)) for n in range(4)]
    world = World([*reversed(nightly(4)), *other])
    world.run()
    assert world.queue.ids in (ids(2, 3, 102, 103), ids(102, 103, 2, 3))


def test_a_policy_without_a_target_is_of_the_default_one_and_its_plan_says_so() -> None:
    world = World(nightly(3))
    assert world.handle({"run": {key: POLICY[key] for key in POLICY if key != "target"}})["target"] == "default"
    assert world.queue.requests[0]["target"] == "default"
    assert world.document(INVOCATION)["policy"]["target"] == "default"


@draw.many
@given(rows=draw.records(), policy=draw.policies(), grace=st.booleans())
def test_what_a_preview_calls_due_and_what_a_purge_sends_is_the_same(
    rows: list[Record], policy: PurgePolicy, grace: bool
) -> None:
    document = msgspec.to_builtins(policy) | {
        "target": "otc-prod",
        "guards": {"max_fraction": 1, "max_deletions": 999, "max_volumes_left_without": 99},
    }
    if not grace:
        document.pop("grace", None)
    preview, purge = World(rows), World(rows)
    for world in (preview, purge):
        world.handle({"run": document | {"mode": "preview"}, "scheduled_time": "2026-11-24T03:00:00Z"})
        world.wait(days=2)
    looked = preview.handle({"run": document | {"mode": "preview"}, "scheduled_time": "2026-11-25T03:00:00Z"})
    sent = purge.handle({"run": document | {"mode": "purge"}, "scheduled_time": "2026-11-25T03:00:00Z"})
    if "refused" in (looked["outcome"], sent["outcome"]):
        assert looked["reason"] == sent["reason"] == "inventory_doubtful"
        return
    assert purge.queue.ids == preview.due()
    assert not preview.queue.sent
    survivors = {each for request in purge.queue.requests for each in request["expect"].get("survivors", ())}
    assert not survivors & set(purge.queue.ids)


@pytest.mark.parametrize(
    ("days_between", "expires_after", "days"),
    [
        (None, None, 3),
        (None, "1d", 1),
        (None, "20d", 13),
        (1, None, 3),
        (1, "1d", 1.5),
        (7, None, 10.5),
        (7, "12d", 12),
        (30, None, 13),
    ],
)
def test_requests_of_a_run_live_for_three_days_and_longer_than_the_time_between_runs(
    world: World, days_between: int | None, expires_after: str | None, days: float
) -> None:
    changes = {} if expires_after is None else {"expires_after": expires_after}
    if days_between is not None:
        world.preview(**changes)
        world.wait(days=days_between)
    world.run("2026-12-25T03:00:00Z", **changes)
    assert {request["expires_at"] for request in world.queue.requests} == {
        (world.clock() + timedelta(days=days)).isoformat().replace("+00:00", "Z")
    }


# ── Repeated ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("then", ["refuses", "killed before", "killed after"])
@pytest.mark.parametrize("takes", range(4))
def test_a_sending_cut_short_anywhere_is_repeated(takes: int, then: str) -> None:
    world = World(nightly(37))
    world.queue.takes, world.queue.then = takes, then
    with pytest.raises(RunUnfinished if then == "refuses" else Killed) as stopped:
        world.run()
    if then == "refuses":
        assert str(stopped.value) == f"nightly/{RUN}: the queue accepted {10 * takes} requests, but not the next batch"
    first = list(world.queue.ids)
    world.queue = StoppingQueue()
    world.cloud.records.insert(0, record(900, age=timedelta(hours=0)))  # makes one more superfluous: the plan is made
    world.run()
    # An invocation that is killed cannot record how far it has come.
    assert (world.queue.ids if then != "refuses" else [*first, *world.queue.ids]) == world.due()
    assert set(first) <= set(world.due())
    assert world.cloud.listings == 2


@pytest.mark.parametrize("seconds", [0, 3600, 3601])
def test_a_repeated_run_sends_what_a_fresh_plan_selects_too(world: World, seconds: float) -> None:
    world.interrupt()
    world.wait(seconds)
    world.cloud.records[3]["description"] = "[hold]"
    answer = world.run()
    assert (world.queue.ids, answer["requested"]) == (ids(2, 4), 2)
    assert world.cloud.listings == 2
    assert answer["left_out"]["reasons"] == {"held": 1}
    compared = "Planned at 2026-11-25T03:00:00Z; only what a fresh plan selects too was requested."
    assert answer["message"].startswith(f"{compared} 2 deletions were requested. ")
    assert [event.message for _, event in world.bus.published][2:] == [answer["message"].removeprefix(compared + " ")]
    again = world.run()
    assert (again["outcome"], again["message"]) == ("already_sent", FOUND + SENT_BEFORE)
    assert world.report.ends[-1].message == FOUND + SENT_BEFORE


def test_a_run_repeated_late_sends_nothing_if_it_cannot_list_or_after_a_week(world: World) -> None:
    world.interrupt()
    world.wait(3601)
    world.cloud.date = None
    assert_refused(world, world.run(), "clock_doubt")
    world.wait(7 * 86400)
    assert_refused(world, world.run(), "plan_expired", "7 days")


@pytest.mark.parametrize(
    "changes", [{"keep": {"last": 4}}, {"guards": {"max_fraction": 1, "min_kept_per_group": 4}}, {"grace": "7d"}]
)
def test_repeated_run_sends_nothing_if_the_newest_plan_of_the_policy_keeps_more(
    world: World, changes: dict[str, Any]
) -> None:
    world.interrupt()
    world.wait(hours=1)
    world.run("2026-11-25T04:00:00Z", **{"mode": "preview", **changes})
    listings = world.cloud.listings
    assert_refused(world, world.run(), "plan_superseded")
    assert world.cloud.listings == listings, "it is refused before it lists the backups"
    world.wait(hours=1)
    world.run("2026-11-25T05:00:00Z", mode="preview")
    assert world.run()["requested"] == 3, "the former rules are in force again"


LOOSE = {"max_deletions": 50, "max_fraction": 1, "max_volumes_left_without": 2}
STRICTER = [
    (LOOSE | {"max_deletions": 49}, "has a lower max_deletions"),
    (LOOSE | {"max_fraction": 0.99}, "has a lower max_fraction"),
    (LOOSE | {"max_volumes_left_without": 1}, "has a lower max_volumes_left_without"),
    ({"max_deletions": 50, "max_fraction": 1}, "has a lower max_volumes_left_without"),
]


@pytest.mark.parametrize(("guards", "why"), STRICTER)
def test_repeated_run_and_late_run_do_not_undo_a_stricter_guard_of_the_newest_plan(
    world: World, guards: dict[str, Any], why: str
) -> None:
    world.interrupt(guards=LOOSE)
    world.wait(hours=2)
    world.run("2026-11-25T05:00:00Z", mode="preview", guards=guards)
    assert_refused(world, world.run(guards=LOOSE), "plan_superseded", why)
    assert_refused(world, world.run("2026-11-25T04:00:00Z", guards=LOOSE), "plan_superseded", why)
    world.wait(hours=1)
    world.run(
        "2026-11-25T06:00:00Z", mode="preview", guards=LOOSE | {"max_deletions": 51, "max_volumes_left_without": 3}
    )
    assert world.run(guards=LOOSE)["requested"] == 3
    assert world.run("2026-11-25T04:00:00Z", guards=LOOSE)["requested"] == 3


@pytest.mark.parametrize("changes", [{"keep": {"last": 4}}, {"grace": "7d"}])
def test_late_run_without_a_plan_is_refused_if_a_plan_by_other_rules_was_made_after_its_time(
    world: World, changes: dict[str, Any]
) -> None:
    world.wait(hours=1)
    world.run("2026-11-25T04:00:00Z", **{"mode": "preview", **changes})
    world.wait(hours=1)
    assert_refused(world, world.run(), "plan_superseded", "nightly/2026-11-25T04-00-00Z", RUN)
    assert world.run(**changes)["outcome"] == "completed", "by the rules of the newest plan"


def test_late_run_is_planned_if_its_rules_are_those_of_the_newest_plan_or_that_plan_is_older(world: World) -> None:
    world.run("2026-11-25T02:00:00Z", mode="preview", keep={"last": 4})
    world.wait(hours=1)
    assert world.run("2026-11-25T04:00:00Z")["outcome"] == "completed", "the plan by other rules is older"
    assert world.run("2026-11-25T03:30:00Z")["outcome"] == "completed", "the newer plan has the same rules"


def test_late_run_is_planned_if_the_newest_plan_is_not_believed(world: World) -> None:
    world.wait(hours=1)
    world.run("2026-11-25T04:00:00Z", mode="preview", keep={"last": 4})
    world.plans.objects["nightly", "2026-11-25T04-00-00Z", "json"] = b"{}"
    assert world.run()["outcome"] == "completed"


def test_late_run_is_refused_by_a_plan_by_other_rules_also_if_a_newer_one_is_not_believed(world: World) -> None:
    world.wait(hours=1)
    for scheduled_time in ("2026-11-25T04:00:00Z", "2026-11-25T05:00:00Z"):
        world.run(scheduled_time, mode="preview", keep={"last": 4})
    world.plans.objects["nightly", "2026-11-25T05-00-00Z", "json"] = b"{}"
    assert_refused(world, world.run(), "plan_superseded", "nightly/2026-11-25T04-00-00Z")


def test_a_run_does_not_open_the_plans_that_are_older_than_its_time_to_find_changed_rules(world: World) -> None:
    run = Run(policy=policy(**POLICY), target="otc-prod", name=RUN, started_at=NOW)
    world.run("2026-11-25T02:00:00Z", mode="preview")
    world.plans.stored_at["nightly", "2026-11-25T02-00-00Z", "json"] = NOW - timedelta(minutes=5)
    check_not_outdated(world.plans, run)
    assert world.plans.reads == []
    world.plans.stored_at["nightly", "2026-11-25T02-00-00Z", "json"] += timedelta(seconds=1)
    check_not_outdated(world.plans, run)
    assert world.plans.reads == ["2026-11-25T02-00-00Z"], "the clocks may differ by five minutes"


def test_a_sending_without_time_left_stops_before_the_next_batch() -> None:
    world = World(nightly(37))
    world.seconds_left = 29
    with pytest.raises(RunUnfinished, match=f"nightly/{RUN}: no time was left after 0 requests"):
        world.run()
    assert world.queue.sent == []
    world.seconds_left = 30
    assert world.run()["requested"] == 35


def test_fired_twice_it_is_one_purge_and_no_refusal(world: World) -> None:
    world.run()
    heard = list(world.bus.published)
    answer = world.run()
    assert (answer["outcome"], answer["reason"]) == ("already_sent", "already_requested")
    assert (answer["run"], answer["with_grace"]) == (RUN, False)
    assert answer["document"] == f"plans/nightly/{RUN}.json"
    assert "nothing was sent again" in answer["message"]
    assert world.queue.ids == ids(2, 3, 4)
    assert world.bus.published == heard
    assert world.report.ends[-1].outcome == "already_sent"


def test_of_two_that_run_at_the_same_moment_the_second_sends_what_is_in_the_plan_of_the_first_too() -> None:
    first, second = World(nightly(5)), World(nightly(6))
    first.run()
    second.plans.concurrent_plan = first.plans.objects["nightly", RUN, "json"]
    assert second.run()["message"].startswith("3 deletions were requested.")
    assert second.queue.ids == first.queue.ids == ids(2, 3, 4)
    assert second.cloud.listings == 2


def test_forged_plan_of_a_run_deletes_nothing_that_the_policy_keeps(world: World) -> None:
    """An attacker who can write to the plan store stores the plan of a run a minute before the run."""
    other = World(nightly(5))
    other.run()
    forged = other.stored_plan()
    for row in forged.backups:
        if row.id != backup_id(0):
            row.keep, row.reasons = False, (Reason.NOT_KEPT,)
            row.selected_since = row.due_at = forged.made_at
    world.replace_plan(forged, recomputed=True)
    answer = world.run()
    assert world.queue.ids == ids(2, 3, 4)
    assert answer["left_out"]["backups"] == ({"id": backup_id(1), "reason": "keep_last"},)


def test_a_preview_repeated_shows_its_first_plan_and_says_when_it_was_made(world: World) -> None:
    first = world.preview()
    world.cloud.records = nightly(9)
    world.clock.advance(3 * 86400)
    assert world.preview() == first | {"message": FOUND + "3 of 5 backups are due, 30 GiB."}
    assert world.cloud.listings == 1
    assert [event.message for _, event in world.bus.published] == ["3 of 5 backups are due, 30 GiB."] * 2


def test_another_text_of_the_policy_does_not_send_the_plan_of_the_first(world: World) -> None:
    world.preview()
    assert_refused(world, world.run(), "plan_misplaced", "a different version of the policy")
    assert world.preview(keep={"last": 3})["message"] == (
        f"nightly/{RUN} already has a plan, made with a different version of the policy; "
        "run the policy with another scheduled_time"
    )


def test_unpublished_events_are_published_again_with_the_same_id(world: World) -> None:
    world.bus.is_down = True
    with pytest.raises(RunUnfinished, match=f'^nightly/{RUN}: the event "VBS Purge Planned" could not be published$'):
        world.run()
    assert world.queue.sent == []
    world.bus.is_down = False
    world.run()
    again = World(nightly(5))
    again.run()
    assert [event.id for _, event in world.bus.published] == [event.id for _, event in again.bus.published]
    assert len({event.id for _, event in world.bus.published}) == 2


# ── Refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_exceeded_guard_refuses_the_run_and_says_how_to_continue() -> None:
    guards = {"max_deletions": 200, "max_fraction": 1}
    world = World(nightly(1002))
    answer = world.run(guards=guards)
    assert_refused(world, answer, "guard_exceeded", "1,000 due", "max_deletions 200", answer["plan"])
    assert (answer["policy"], answer["run"], answer["document"]) == ("nightly", RUN, f"plans/nightly/{RUN}.json")
    assert world.bus.types == [PLANNED, REFUSED]
    assert answer["id"] != World(nightly(5)).run("2026-11-25T04:00:00Z", guards={"max_deletions": 1})["id"]
    approved = world.approve(answer["plan"])
    assert (approved["outcome"], approved["requested"]) == ("completed", 1000)
    assert world.queue.ids == world.due() == ids(*range(2, 1002))
    assert world.approve(answer["plan"])["outcome"] == "already_sent"
    assert world.run(guards=guards)["outcome"] == "already_sent"
    assert len(world.queue.sent) == 1000


def test_a_preview_is_not_stopped_by_a_guard_but_shows_it(world: World) -> None:
    answer = world.preview(guards={"max_deletions": 1, "max_fraction": 0.3})
    assert answer["outcome"] == "planned"
    assert [guard["guard"] for guard in answer["guards"] if guard["exceeded"]] == ["max_deletions", "max_fraction"]
    assert answer["message"] == (
        "3 of 5 backups are due, 30 GiB. A purge would be refused: "
        "3 due, max_deletions 1 allows only 1; 3 due, max_fraction 0.3 allows only 1."
    )


@pytest.mark.parametrize("name", ["UNAVAILABLE", "GONE", "THROTTLED", "OUT_OF_TIME", "FORBIDDEN"])
def test_an_incomplete_listing_is_never_planned(world: World, name: str) -> None:
    world.cloud.ends_with = Answer(name=AnswerName[name], message="the service fails")
    words = "otc-prod", "the service fails", AnswerName[name].value
    assert_refused(world, world.run(), "listing_incomplete", *words)
    assert world.plans.objects == {}
    assert world.report.scheduled_runs == ["nightly"], "it has run"


@pytest.mark.parametrize("message", ['target "otc-prod": secret x does not exist', "secret x does not exist"])
def test_a_target_without_a_login_is_named_once(world: World, message: str) -> None:
    sha256 = previewed(world)
    world.cloud.view = Answer(name=AnswerName.SECRET_UNUSABLE, message=message)
    for answer in (world.run("2026-11-25T04:00:00Z"), world.approve(sha256)):
        assert_refused(world, answer, "listing_incomplete", 'target "otc-prod": secret x does not exist')
        assert answer["message"].count('target "otc-prod"') == 1


def test_what_was_shown_before_a_listing_began_anew_does_not_count(world: World) -> None:
    world.cloud.shown_before_it_began_anew = [record(50 + n, age=n * DAY) for n in range(10)]
    world.run()
    assert world.queue.ids == ids(2, 3, 4)


@pytest.mark.parametrize(
    ("date", "words"),
    cases(
        {
            "ahead": (NOW + timedelta(minutes=10), "differ by 600 s"),
            "behind": (NOW - timedelta(minutes=10), "differ by 600 s"),
            "none": (None, "no response has a Date header"),
        }
    ),
)
def test_a_doubtful_clock_refuses_the_run(world: World, date: Any, words: str) -> None:  # noqa: ANN401  # time or None
    world.cloud.date = date
    answer = world.run()
    assert_refused(world, answer, "clock_doubt", words)
    assert (answer["policy"], answer["run"], world.report.ends[-1].run) == ("nightly", RUN, RUN)


@pytest.mark.parametrize("changes", [{"match": {}}, {"speed": 1}])
def test_a_refused_policy_is_known_by_its_name_and_its_run_by_the_invocation(
    world: World, changes: dict[str, object]
) -> None:
    answer = world.run(**changes)
    assert (answer["outcome"], answer["policy"], answer["run"]) == ("refused", "nightly", INVOCATION)


@pytest.mark.parametrize("call", ["read", "newest", "store", "store_page"])
def test_a_bucket_that_is_busy_fails_the_run_and_its_repetition_sends_all(world: World, call: str) -> None:
    world.plans.busy_at = call
    with pytest.raises(RunUnfinished, match=rf"^nightly/{RUN}: the plans bucket cannot be used \(SlowDown\)$"):
        world.run()
    assert (world.queue.sent, world.bus.published, world.report.ends) == ([], [], [])
    world.plans.busy_at = None
    assert world.run()["requested"] == 3
    assert world.queue.ids == ids(2, 3, 4)


@pytest.mark.parametrize("call", ["marks", "newest"])
def test_a_bucket_that_is_busy_leaves_no_run_half_sent(call: str) -> None:
    world = World(nightly(37))
    world.interrupt(takes=1)
    world.wait(3601)
    world.plans.busy_at = call
    with pytest.raises(RunUnfinished, match="SlowDown"):
        world.run()
    assert {*world.bus.types} == {PLANNED}
    world.plans.busy_at = None
    assert world.run()["requested"] == 25


@pytest.mark.parametrize("broken", ["is_writable", "is_readable"])
def test_a_bucket_that_cannot_be_used_refuses_the_run(world: World, broken: str) -> None:
    setattr(world.plans, broken, False)
    assert_refused(world, world.run(), "plans_unusable", "AccessDenied")


def test_a_mark_that_cannot_be_written_is_no_refusal_after_sending(world: World) -> None:
    sha256 = previewed(world)
    world.plans.is_writable = False
    with pytest.raises(RunUnfinished, match=f"nightly/{RUN} was sent, but that could not be recorded: the plans"):
        world.approve(sha256)
    assert world.bus.types == [PLANNED, COMPLETED]


class ForgetfulPlans(StoredPlans):
    """A store that reports an existing plan, but has none."""

    def store(self, policy: str, run: str, plan: Plan) -> str | None:
        return None


def test_a_plan_that_is_there_and_is_not_found_refuses_the_run() -> None:
    run = Run(policy=policy(target="otc-prod"), target="otc-prod", name=RUN)
    listed = ListedRows(inventory=inventory([]), rows=[])
    with pytest.raises(
        RunRefused, match=f"^nightly/{RUN} already exists in the plan store, but was not found"
    ) as found:
        make_and_store_plan(ForgetfulPlans(), run, listed, NOW, lambda policy, message: None)
    assert found.value.reason is Reason.PLANS_UNUSABLE
