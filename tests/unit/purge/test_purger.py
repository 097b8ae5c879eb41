"""A run of a purge, from event to result: what is sent, what is refused, and what a repetition does."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import (
    INVOCATION,
    POLICY,
    RUN,
    Killed,
    StoppingQueue,
    World,
    assert_refused,
    previewed,
)
from tests.unit.purge.strategies import NOW, PROJECT, Record, backup_id, many, nightly, policies, record, records
from vbs_reaper.backups.answer import Answer, AnswerName, TargetInfo
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.deletion.request import read_request
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.plan import recompute
from vbs_reaper.purge.plan_file import encode_plan, read_plan, sha256_of
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.reasons import Reason

DAY = timedelta(days=1)
PLANNED, COMPLETED, REFUSED = "VBS Purge Planned", "VBS Purge Completed", "VBS Purge Refused"


def ids(*numbers: int) -> list[str]:
    return [backup_id(number) for number in numbers]


# ── A run ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_purge_plans_stores_sends_and_says_so() -> None:
    world = World(nightly(5))
    answer = world.run()
    assert (answer["outcome"], answer["requested"], answer["run"]) == ("completed", 3, RUN)
    assert world.queue.ids == ids(2, 3, 4) == world.due()
    assert world.bus.types == [PLANNED, COMPLETED]
    assert {key[2] for key in world.plans.objects} == {"json", "html", "sent"}
    assert answer["plan"] == world.document()["sha256"]
    assert answer["document"] == f"plans/nightly/{RUN}.json"
    assert world.report.deletions == [("nightly", 3)]
    assert json.loads(world.plans.objects["nightly", RUN, "sent"]) == json.loads(json.dumps(answer))


def test_every_end_says_all_there_is_to_say_and_has_an_id_of_its_own() -> None:
    world = World(nightly(5))
    sha256 = world.preview(guards={"max_deletions": 1}, grace="1h")["plan"]
    planned = world.bus.heard[-1][1]
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
    told = [msgspec.to_builtins(end) for end in ends]
    assert [{key: end[key] for key in end if key not in {"id", "action"}} for end in told] == [
        {
            "outcome": "planned",
            "reason": "planned",
            "message": "0 of 5 backups are due, 0 GiB.",
            **of_the_plan,
            "warnings": tuple(world.document()["warnings"]),
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
            "message": f"The deletions of nightly/{RUN} were requested before; nothing was sent again.",
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
    assert [end["action"] for end in told] == [actions[end["reason"]] for end in told]
    assert len({end["id"] for end in told}) == 4


def test_the_id_of_an_end_is_of_its_policy_run_and_kind() -> None:
    def ids_of(world: World) -> list[str]:
        return [detail.id for _, detail in world.bus.heard]

    worlds = [World(nightly(5)) for _ in range(6)]
    worlds[0].run()
    worlds[1].run()
    worlds[2].run("2026-11-25T04:00:00Z")
    worlds[3].run(policy="weekly")
    worlds[4].approve(previewed(worlds[4]), include_grace=True)
    worlds[5].approve(previewed(worlds[5]))
    assert ids_of(worlds[0]) == ids_of(worlds[1]) == ids_of(worlds[5])
    others = [each for world in (worlds[0], worlds[2], worlds[3]) for each in ids_of(world)]
    assert len(set(others)) == 6
    assert ids_of(worlds[4])[0] == ids_of(worlds[0])[0]
    assert ids_of(worlds[4])[1] not in others


def test_a_plan_that_a_purge_would_not_send_says_so() -> None:
    answer = World(nightly(5)).preview(guards={"max_deletions": 1, "max_fraction": 0.3})
    assert answer["message"] == (
        "3 of 5 backups are due, 30 GiB. A purge would be refused: "
        "3 due, max_deletions 1 allows only 1; 3 due, max_fraction 0.3 allows only 1."
    )


def test_a_purge_completed_says_how_many_were_requested() -> None:
    assert World(nightly(5)).run()["message"] == "3 deletions were requested."


def test_requests_go_ten_at_a_time() -> None:
    world = World(nightly(37))
    world.run()
    assert world.queue.sizes == [10, 10, 10, 5]


def test_the_list_is_the_targets_in_the_functions_time_with_the_project_as_guard() -> None:
    world = World(nightly(3))
    world.run()
    assert world.cloud.viewed == [("otc-prod", 900.0)] * 2
    assert world.cloud.asked == [("otc-prod", 900.0, PROJECT)]
    sha256 = world.run("2026-11-25T04:00:00Z", mode="preview")["plan"]
    world.approve(sha256)
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
def test_what_the_target_is_decides_what_its_backups_are(
    view: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    plain: dict[str, Any] = {"project_id": ProjectId(PROJECT), "hold_marker": "[hold]", "shows_metadata": False}
    world = World([*nightly(2, is_incremental=True), record(2, age=2 * DAY, **fields)])
    world.cloud.view = TargetInfo(**(plain | view))
    world.run()
    (row,) = (row for row in world.document()["backups"] if row["id"] == backup_id(2))
    assert reason in row["reasons"]
    assert world.queue.sent == []


def test_a_preview_stores_the_same_plan_and_sends_nothing() -> None:
    world = World(nightly(5))
    answer = world.preview()
    assert (answer["outcome"], answer["totals"]["due"]) == ("planned", 3)
    assert world.queue.sent == []
    assert world.bus.types == [PLANNED]
    assert {key[2] for key in world.plans.objects} == {"json", "html"}


def test_a_policy_that_names_no_mode_only_previews() -> None:
    world = World(nightly(5))
    unsaid = {key: value for key, value in POLICY.items() if key != "mode"}
    assert world.handle({"run": unsaid})["outcome"] == "planned"
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
    assert {message.group for message in world.queue.sent} == {"otc-prod"}
    for request in world.queue.requests:
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
    assert world.queue.ids in ([*ids(2, 3), *ids(102, 103)], [*ids(102, 103), *ids(2, 3)])


def test_a_policy_without_a_target_is_of_the_default_one_and_its_plan_says_so() -> None:
    world = World(nightly(3))
    assert world.handle({"run": {key: POLICY[key] for key in POLICY if key != "target"}})["target"] == "default"
    assert world.queue.requests[0]["target"] == "default"
    assert world.document(INVOCATION)["policy"]["target"] == "default"


@pytest.mark.parametrize("unreadable", [None, "", "<aws.scheduler.scheduled-time>", 7, ["x"]])
def test_without_a_readable_time_the_invocation_names_the_run(unreadable: object) -> None:
    world = World(nightly(3))
    event = {"run": POLICY} if unreadable is None else {"run": POLICY, "scheduled_time": unreadable}
    assert world.handle(event)["run"] == INVOCATION


def test_one_instant_is_one_run_however_it_is_written() -> None:
    world = World(nightly(5))
    world.run("2026-11-25T04:00:00+01:00")
    assert world.run("2026-11-25T03:00:00.000Z")["outcome"] == "already_sent"


def test_grace_counts_from_the_newest_stored_plan() -> None:
    world = World(nightly(5))
    for day in range(4):
        world.run(f"2026-11-{25 + day}T03:00:00Z", grace="3d")
        world.clock.advance(86400)
        world.cloud.date = world.clock.now
    assert sorted(world.queue.ids) == ids(2, 3, 4)
    assert [result.requested for result in world.report.ends] == [0, 0, 0, 3]


def test_a_last_plan_that_cannot_be_read_lets_every_grace_begin_anew() -> None:
    world = World(nightly(5))
    world.plans.objects["nightly", "before", "json"] = b"{}"
    assert world.run(grace="1d")["requested"] == 0
    ((policy, message),) = world.report.unreadable_plans
    assert policy == "nightly"
    assert message.startswith("this is not a plan")


@many
@given(rows=records(), policy=policies(), grace=st.booleans())
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
        world.clock.now = world.cloud.date = NOW + 2 * DAY
    looked = preview.handle({"run": document | {"mode": "preview"}, "scheduled_time": "2026-11-25T03:00:00Z"})
    sent = purge.handle({"run": document | {"mode": "purge"}, "scheduled_time": "2026-11-25T03:00:00Z"})
    if "refused" in (looked["outcome"], sent["outcome"]):
        assert looked["reason"] == sent["reason"] == "inventory_doubtful"
        return
    assert purge.queue.ids == preview.due()
    assert not preview.queue.sent
    survivors = {each for request in purge.queue.requests for each in request["expect"].get("survivors", ())}
    assert not survivors & set(purge.queue.ids)


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
def test_a_repeated_run_sends_what_a_fresh_plan_selects_too(seconds: float) -> None:
    world = World(nightly(5), ManualClock(NOW))
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    world.wait(seconds)
    world.cloud.records[3]["description"] = "[hold]"
    world.queue = StoppingQueue()
    answer = world.run()
    assert (world.queue.ids, answer["requested"]) == (ids(2, 4), 2)
    assert world.cloud.listings == 2
    assert answer["left_out"]["reasons"] == {"held": 1}
    assert "only what a fresh plan selects too was requested" in answer["message"]
    assert world.run()["outcome"] == "already_sent"


def test_a_run_repeated_late_that_cannot_list_sends_nothing() -> None:
    world = World(nightly(5), ManualClock(NOW))
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    world.wait(3601)
    world.cloud.date = None
    world.queue = StoppingQueue()
    assert_refused(world, world.run(), "clock_doubt")


def test_a_sending_without_time_left_stops_before_the_next_batch() -> None:
    world = World(nightly(37))
    world.seconds_left = 29
    with pytest.raises(RunUnfinished, match=f"nightly/{RUN}: no time was left after 0 requests"):
        world.run()
    assert world.queue.sent == []
    world.seconds_left = 30
    assert world.run()["requested"] == 35


def test_fired_twice_it_is_one_purge_and_no_refusal() -> None:
    world = World(nightly(5))
    world.run()
    heard = list(world.bus.heard)
    answer = world.run()
    assert (answer["outcome"], answer["reason"]) == ("already_sent", "already_requested")
    assert "nothing was sent again" in answer["message"]
    assert world.queue.ids == ids(2, 3, 4)
    assert world.bus.heard == heard
    assert world.report.ends[-1].outcome == "already_sent"


def test_of_two_that_run_at_the_same_moment_the_second_sends_what_is_in_the_plan_of_the_first_too() -> None:
    first, second = World(nightly(5)), World(nightly(6))
    first.run()
    second.plans.steals = first.plans.objects["nightly", RUN, "json"]
    second.run()
    assert second.queue.ids == first.queue.ids == ids(2, 3, 4)
    assert second.cloud.listings == 2


def test_forged_plan_of_a_run_deletes_nothing_that_the_policy_keeps() -> None:
    """Somebody who can write to the plan store stores the plan of tonight's run a minute before the run."""
    other = World(nightly(5))
    other.run()
    forged = read_plan(other.plans.objects["nightly", RUN, "json"])
    for row in forged.backups:
        if row.id != backup_id(0):
            row.keep, row.reasons = False, (Reason.NOT_KEPT,)
            row.selected_since = row.due_at = forged.made_at
    groups, totals, guards = recompute(forged)
    forged = replace(forged, groups=groups, totals=totals, guards=guards, sha256=None)
    world = World(nightly(5))
    world.plans.objects["nightly", RUN, "json"] = encode_plan(replace(forged, sha256=sha256_of(forged)))
    answer = world.run()
    assert world.queue.ids == ids(2, 3, 4)
    assert answer["left_out"]["backups"] == ({"id": backup_id(1), "reason": "keep_last"},)


def test_a_preview_repeated_shows_its_first_plan() -> None:
    world = World(nightly(5))
    first = world.preview()
    world.cloud.records = nightly(9)
    again = world.preview()
    assert again == first | {"message": again["message"]}
    assert world.cloud.listings == 1
    assert [event.message for _, event in world.bus.heard] == [first["message"]] * 2


def test_another_text_of_the_policy_does_not_send_the_plan_of_the_first() -> None:
    world = World(nightly(5))
    world.preview()
    assert_refused(world, world.run(), "plan_misplaced", "a different version of the policy")


def test_a_run_repeated_after_a_week_sends_nothing() -> None:
    world = World(nightly(5))
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    world.clock.advance(7 * 86400 + 1)
    assert_refused(world, world.run(), "plan_expired", "7 days")


def test_what_the_bus_did_not_hear_is_said_again_under_the_same_id() -> None:
    world = World(nightly(5))
    world.bus.is_deaf = True
    with pytest.raises(RunUnfinished):
        world.run()
    assert world.queue.sent == []
    world.bus.is_deaf = False
    world.run()
    again = World(nightly(5))
    again.run()
    assert [event.id for _, event in world.bus.heard] == [event.id for _, event in again.bus.heard]
    assert len({event.id for _, event in world.bus.heard}) == 2


# ── Refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_guard_exceeded_refuses_the_whole_run_and_says_how_to_go_on() -> None:
    world = World(nightly(5002))
    answer = world.run(guards={"max_deletions": 200, "max_fraction": 1})
    assert_refused(world, answer, "guard_exceeded", "5,000 due", "max_deletions 200", answer["plan"])
    assert world.bus.types == [PLANNED, REFUSED]
    assert answer["run"] == RUN
    assert answer["id"] != World(nightly(5)).run("2026-11-25T04:00:00Z", guards={"max_deletions": 1})["id"]
    approved = world.approve(answer["plan"])
    assert (approved["outcome"], approved["requested"]) == ("completed", 5000)
    assert world.queue.ids == world.due() == ids(*range(2, 5002))
    assert world.approve(answer["plan"])["outcome"] == "already_sent"
    assert len(world.queue.sent) == 5000
    assert world.run(guards={"max_deletions": 200, "max_fraction": 1})["outcome"] == "already_sent"


def test_a_preview_is_not_stopped_by_a_guard_but_shows_it() -> None:
    answer = World(nightly(5)).preview(guards={"max_deletions": 1})
    assert answer["outcome"] == "planned"
    assert [guard["guard"] for guard in answer["guards"] if guard["exceeded"]] == ["max_deletions", "max_fraction"]
    assert "max_deletions 1 allows only 1" in answer["message"]


@pytest.mark.parametrize(
    "name",
    [AnswerName.UNAVAILABLE, AnswerName.GONE, AnswerName.THROTTLED, AnswerName.OUT_OF_TIME, AnswerName.FORBIDDEN],
)
def test_a_listing_cut_short_is_never_planned_on(name: AnswerName) -> None:
    world = World(nightly(5))
    world.cloud.ends_with = Answer(name=name, message="the service fails")
    assert_refused(world, world.run(), "listing_incomplete", "otc-prod", "the service fails", name.value)
    assert world.plans.objects == {}


def test_nobody_can_log_in() -> None:
    world = World(nightly(5))
    world.cloud.view = Answer(name=AnswerName.SECRET_UNUSABLE, message='target "otc-prod": secret x does not exist')
    answer = world.run()
    assert_refused(world, answer, "listing_incomplete", "secret x does not exist")
    assert answer["message"].count('target "otc-prod"') == 1


def test_what_was_shown_before_a_listing_began_anew_does_not_count() -> None:
    world = World(nightly(5))
    world.cloud.shown_before_it_began_anew = [record(50 + n, age=n * DAY) for n in range(10)]
    world.run()
    assert world.queue.ids == ids(2, 3, 4)


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_ten_minutes_off_refuses_the_run(minutes: int) -> None:
    world = World(nightly(5))
    world.cloud.date = NOW + timedelta(minutes=minutes)
    assert_refused(world, world.run(), "clock_doubt", "differ by 600 s")


def test_a_cloud_that_tells_no_time_refuses_the_run() -> None:
    world = World(nightly(5))
    world.cloud.date = None
    assert_refused(world, world.run(), "clock_doubt", "no response has a Date header")


@pytest.mark.parametrize("call", ["read", "newest", "store", "store_page"])
def test_a_bucket_that_is_busy_fails_the_run_and_its_repetition_sends_all(call: str) -> None:
    world = World(nightly(5))
    world.plans.busy_at = call
    with pytest.raises(RunUnfinished, match=rf"^nightly/{RUN}: the plans bucket cannot be used \(SlowDown\)$"):
        world.run()
    assert (world.queue.sent, world.bus.heard, world.report.ends) == ([], [], [])
    world.plans.busy_at = None
    assert world.run()["requested"] == 3
    assert world.queue.ids == ids(2, 3, 4)


def test_a_bucket_that_is_busy_leaves_no_run_half_sent() -> None:
    world = World(nightly(37))
    world.queue.takes = 1
    with pytest.raises(RunUnfinished):
        world.run()
    world.queue, world.plans.busy_at = StoppingQueue(), "marks"
    with pytest.raises(RunUnfinished):
        world.run()
    assert world.bus.types == [PLANNED]
    world.plans.busy_at = None
    assert world.run()["requested"] == 25


def test_a_bucket_that_is_busy_fails_an_approval() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.plans.busy_at = "find"
    with pytest.raises(RunUnfinished, match=rf"^nightly/{sha256}: the plans bucket cannot be used \(SlowDown\)$"):
        world.approve(sha256)
    assert world.bus.types == [PLANNED]


@pytest.mark.parametrize("broken", ["is_writable", "is_readable"])
def test_a_bucket_that_cannot_be_used_refuses_the_run(broken: str) -> None:
    world = World(nightly(5))
    setattr(world.plans, broken, False)
    assert_refused(world, world.run(), "plans_unusable", "AccessDenied")


def test_a_mark_that_cannot_be_written_is_no_refusal_after_sending() -> None:
    world = World(nightly(5))
    world.preview()
    sha256 = world.document()["sha256"]
    world.plans.is_writable = False
    with pytest.raises(RunUnfinished, match=f"nightly/{RUN} was sent, but that could not be recorded: the plans"):
        world.approve(sha256)
    assert COMPLETED in world.bus.types
    assert REFUSED not in world.bus.types


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({}, ["found the keys none"]),
        ([], ["found the keys none"]),
        ("run", ["found the keys none"]),
        (None, ["found the keys none"]),
        ({7: POLICY}, ["found the keys 7"]),
        ({"run": POLICY | {"policy": "\ud800"}}, ["not valid Unicode"]),
        ({"run": POLICY | {"x\n\ud800": 1}}, ["not valid Unicode"]),
        ({"run": POLICY, "approve": {}}, ["approve, run"]),
        ({"run": POLICY, "time": "x"}, ["time"]),
        ({"run": None}, ["not a JSON object"]),
        ({"run": POLICY | {"keep": {}}}, ['"keep" is empty']),
        ({"run": POLICY | {"keep": {"lasst": 2}}}, ['did you mean "last"']),
        ({"run": POLICY | {"match": {"name": "x" * 70_000}}}, ["65536 bytes"]),
        ({"approve": "x"}, ['"approve"']),
        ({"approve": {"policy": "nightly"}}, ['"plan" is missing']),
        ({"approve": {"policy": "nightly", "plan": "ABC"}}, ["not a sha256"]),
        ({"approve": {"policy": "../x", "plan": "a" * 64}}, ["not a valid name"]),
        ({"approve": {"policy": "nightly", "plan": "a" * 64, "all": True}}, ["unknown key of 3 characters"]),
        ({"approve": {"policy": "nightly", "plan": "a" * 64, "include_grace": "true"}}, ['"include_grace"']),
        ({"approve": {"policy": "nightly", "plan": "a" * 64, "include_grace": 1}}, ['"include_grace"']),
    ],
)
def test_an_event_that_says_something_else_is_refused_by_name(event: object, words: list[str]) -> None:
    world = World(nightly(5))
    assert_refused(world, world.handle(event), "policy_refused", *words)
    assert world.cloud.listings == 0


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        anything,
        st.fixed_dictionaries({"run": anything}, optional={"scheduled_time": anything}),
        st.fixed_dictionaries({"approve": anything}),
        st.tuples(st.sampled_from(sorted(POLICY)), anything).map(lambda pair: {"run": POLICY | {pair[0]: pair[1]}}),
    )
)
def test_whatever_the_event_holds_it_is_carried_out_or_refused_in_printable_words(event: object) -> None:
    world = World(nightly(3))
    answer = world.handle(event)
    assert answer["outcome"] in {"refused", "planned", "completed"}
    assert answer["message"].isprintable()
    assert answer["outcome"] == "completed" or not world.queue.sent


# ── Until when ────────────────────────────────────────────────────────────────────────────────────────────────────────


def expiries(world: World) -> set[str]:
    return {request["expires_at"] for request in world.queue.requests}


def test_each_request_names_the_run_that_sent_it() -> None:
    world = World(nightly(5))
    world.run()
    assert {message.attributes["purge_run"] for message in world.queue.sent} == {f"nightly/{RUN}"}
    for message in world.queue.sent:  # a proof of its deletion may need the volume
        assert message.attributes["volume_id"] == json.loads(message.body)["expect"]["volume_id"]


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
    days_between: int | None, expires_after: str | None, days: float
) -> None:
    world = World(nightly(5))
    changes = {} if expires_after is None else {"expires_after": expires_after}
    if days_between is not None:
        world.preview(**changes)
        world.wait(days_between * 86400)
    world.run("2026-12-25T03:00:00Z", **changes)
    assert expiries(world) == {(world.clock() + timedelta(days=days)).isoformat().replace("+00:00", "Z")}


def test_requests_of_an_approval_live_for_thirteen_days() -> None:
    world = World(nightly(5))
    world.approve(previewed(world, expires_after="1d"))
    assert expiries(world) == {"2026-12-08T03:00:00Z"}


def test_scheduled_runs_are_reported_with_their_policy_and_previews_are_not() -> None:
    world = World(nightly(5))
    world.handle({"run": POLICY})
    assert world.report.scheduled_runs == []
    world.run()
    assert world.report.scheduled_runs == [POLICY["policy"]]


def test_run_that_a_person_starts_is_named_by_its_time_and_is_not_a_scheduled_one() -> None:
    world = World(nightly(5))
    answer = world.handle({"run": POLICY, "started_at": "2026-11-25T03:04:05Z"})
    assert (answer["run"], world.report.scheduled_runs) == ("2026-11-25T03-04-05Z", [])
    both = {"run": POLICY, "started_at": "2026-11-25T03:04:05Z", "scheduled_time": "2026-11-25T03:04:05Z"}
    assert world.handle(both)["outcome"] == "refused"


def test_scheduled_run_that_is_refused_has_run() -> None:
    world = World(nightly(5))
    world.cloud.ends_with = Answer(name=AnswerName.UNAVAILABLE, message="the service fails")
    assert_refused(world, world.run(), "listing_incomplete", "the service fails")
    assert world.report.scheduled_runs == [POLICY["policy"]]
