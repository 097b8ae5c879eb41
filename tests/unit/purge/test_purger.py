"""A run of a purge, from event to result: what is sent, what is refused, and what a repetition does."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.purge.purge_world import INVOCATION
from tests.unit.purge.purge_world import POLICY
from tests.unit.purge.purge_world import RUN
from tests.unit.purge.purge_world import Killed
from tests.unit.purge.purge_world import StoppingQueue
from tests.unit.purge.purge_world import World
from tests.unit.purge.strategies import NOW
from tests.unit.purge.strategies import OTHER_PROJECT
from tests.unit.purge.strategies import PROJECT
from tests.unit.purge.strategies import Record
from tests.unit.purge.strategies import backup_id
from tests.unit.purge.strategies import nightly
from tests.unit.purge.strategies import policies
from tests.unit.purge.strategies import record
from tests.unit.purge.strategies import records
from vbs_reaper.deletion.request import read_request
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.backup import read_instant
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.run.sending import Unfinished

DAY = timedelta(days=1)
PLANNED, COMPLETED, REFUSED = "VBS Purge Planned", "VBS Purge Completed", "VBS Purge Refused"


def ids(*numbers: int) -> list[str]:
    return [backup_id(number) for number in numbers]


def assert_refused(world: World, answer: dict[str, Any], reason: str, *words: str) -> None:
    """Nothing is sent, and everybody is told why in one sentence."""
    assert (answer["outcome"], answer["reason"]) == ("refused", reason), answer
    assert all(word in answer["message"] for word in words), answer["message"]
    assert "\n" not in answer["message"]
    assert world.queue.sent == []
    assert world.bus.types[-1] == REFUSED
    assert world.report.ends[-1].outcome == "refused"


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
    assert world.report.deletions == 3


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
            "survivors": ids(0, 1),
        },
        "expires_at": "2026-12-08T03:00:00Z",
        "requested_by": f"nightly/{RUN}",
    }
    assert {message.group for message in world.queue.sent} == {"otc-prod"}
    for request in world.queue.requests:
        read_request(request, NOW)


def test_where_no_copy_is_left_no_survivor_is_named() -> None:
    world = World(nightly(2, status="error"))
    world.run(match={"status": ["error"]})
    assert [set(request["expect"]) for request in world.queue.requests] == [{"volume_id", "created_at", "name"}] * 2


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
    assert len(world.report.unreadable_plans) == 1


@given(rows=records(), policy=policies(), grace=st.booleans())
def test_what_a_preview_calls_due_and_what_a_purge_sends_is_the_same(
    rows: list[Record], policy: PurgePolicy, grace: bool
) -> None:
    document = msgspec.to_builtins(policy) | {"target": "otc-prod", "guards": {"max_fraction": 1, "max_deletions": 999}}
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
def test_a_sending_cut_short_anywhere_is_repeated_whole(takes: int, then: str) -> None:
    world = World(nightly(37))
    world.queue.takes, world.queue.then = takes, then
    with pytest.raises(Unfinished if then == "refuses" else Killed):
        world.run()
    first = list(world.queue.ids)
    world.queue = StoppingQueue()
    world.cloud.records = []  # whatever the cloud shows now: the plan is made
    assert world.run()["requested"] == 35
    assert world.queue.ids == world.due()
    assert set(first) <= set(world.queue.ids)
    assert world.cloud.listings == 1


def test_a_sending_without_time_left_stops_before_the_next_batch() -> None:
    world = World(nightly(37))
    world.seconds_left = 29
    with pytest.raises(Unfinished):
        world.run()
    assert world.queue.sent == []


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


def test_of_two_that_run_at_the_same_moment_the_second_sends_the_plan_of_the_first() -> None:
    first, second = World(nightly(5)), World(nightly(4))
    first.run()
    second.plans.steals = first.plans.objects["nightly", RUN, "json"]
    second.run()
    assert second.queue.ids == first.queue.ids == ids(2, 3, 4)


def test_a_preview_repeated_shows_its_first_plan() -> None:
    world = World(nightly(5))
    first = world.preview()
    world.cloud.records = nightly(9)
    assert world.preview() == first
    assert world.cloud.listings == 1


def test_another_text_of_the_policy_does_not_send_the_plan_of_the_first() -> None:
    world = World(nightly(5))
    world.preview()
    assert_refused(world, world.run(), "plan_misplaced", "another text of the policy")


def test_a_run_repeated_after_a_week_sends_nothing() -> None:
    world = World(nightly(5))
    world.queue.takes = 0
    with pytest.raises(Unfinished):
        world.run()
    world.clock.advance(7 * 86400 + 1)
    assert_refused(world, world.run(), "plan_expired", "7 days")


def test_what_the_bus_did_not_hear_is_said_again_under_the_same_id() -> None:
    world = World(nightly(5))
    world.bus.is_deaf = True
    with pytest.raises(Unfinished):
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
    assert_refused(world, world.run(), "listing_incomplete", "secret x does not exist")


def test_what_was_shown_before_a_listing_began_anew_does_not_count() -> None:
    world = World(nightly(5))
    world.cloud.shown_before_it_began_anew = [record(50 + n, age=n * DAY) for n in range(10)]
    world.run()
    assert world.queue.ids == ids(2, 3, 4)


@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_that_is_ten_minutes_off_refuses_the_run(minutes: int) -> None:
    world = World(nightly(5))
    world.cloud.date = NOW + timedelta(minutes=minutes)
    assert_refused(world, world.run(), "clock_doubt", "600 s off")


def test_a_cloud_that_tells_no_time_refuses_the_run() -> None:
    world = World(nightly(5))
    world.cloud.date = None
    assert_refused(world, world.run(), "clock_doubt", "no answer has a Date")


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
    with pytest.raises(Unfinished):
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
        ({"run": POLICY | {"policy": "\ud800"}}, ["no text"]),
        ({"run": POLICY | {"x\n\ud800": 1}}, ["no text"]),
        ({"run": POLICY, "approve": {}}, ["approve, run"]),
        ({"run": POLICY, "time": "x"}, ["time"]),
        ({"run": None}, ["no JSON object"]),
        ({"run": POLICY | {"keep": {}}}, ['"keep" is empty']),
        ({"run": POLICY | {"keep": {"lasst": 2}}}, ['did you mean "last"']),
        ({"run": POLICY | {"match": {"name": "x" * 70_000}}}, ["65536 bytes"]),
        ({"approve": "x"}, ['"approve"']),
        ({"approve": {"policy": "nightly"}}, ['"plan" is missing']),
        ({"approve": {"policy": "nightly", "plan": "ABC"}}, ["no sha256"]),
        ({"approve": {"policy": "../x", "plan": "a" * 64}}, ["no policy's name"]),
        ({"approve": {"policy": "nightly", "plan": "a" * 64, "all": True}}, ['unknown key "all"']),
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


# ── Approved ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def previewed(world: World, **changes: object) -> str:
    sha256 = world.preview(**changes)["plan"]
    assert isinstance(sha256, str)
    return sha256


def test_an_approval_sends_exactly_what_the_plan_calls_due_whatever_is_there_now() -> None:
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
    assert {"sent", "grace.sent"} <= {key[2] for key in world.plans.objects}


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
    assert_refused(world, world.approve(sha256, policy="weekly"), "plan_misplaced", f"nightly/{RUN}")


def test_a_plan_that_was_tampered_with_sends_nothing() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    key = ("nightly", RUN, "json")
    world.plans.objects[key] = world.plans.objects[key].replace(backup_id(4).encode(), backup_id(44).encode())
    assert_refused(world, world.approve(sha256), "plan_changed")


def test_a_plan_exchanged_for_another_sound_one_sends_nothing() -> None:
    world, other = World(nightly(5)), World(nightly(9))
    sha256 = previewed(world)
    previewed(other)
    world.plans.objects["nightly", RUN, "json"] = other.plans.objects["nightly", RUN, "json"]
    assert_refused(world, world.approve(sha256), "plan_changed", sha256)


@pytest.mark.parametrize(("age", "outcome"), [(7 * DAY, "completed"), (7 * DAY + timedelta(seconds=1), "refused")])
def test_a_plan_can_be_approved_for_seven_days(age: timedelta, outcome: str) -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.clock.advance(age.total_seconds())
    answer = world.approve(sha256)
    assert answer["outcome"] == outcome
    if outcome == "refused":
        assert_refused(world, answer, "plan_expired", "2026-11-25")


def test_a_target_that_is_another_project_now_gets_no_deletions() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.cloud.view = TargetView(project_id=ProjectId(OTHER_PROJECT), hold_marker="[hold]", shows_metadata=False)
    assert_refused(world, world.approve(sha256), "plan_misplaced", PROJECT, OTHER_PROJECT)


def test_an_approved_request_expires_from_its_sending_not_from_the_plan() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.clock.advance(6 * 86400)
    world.approve(sha256)
    assert {read_instant(request["expires_at"]) for request in world.queue.requests} == {
        datetime(2026, 12, 14, 3, tzinfo=UTC)
    }
