"""What a run answers, says and raises, word by word, and under which names it is known."""

import time
from collections.abc import Iterator
from uuid import UUID

import msgspec
import pytest

from tests.unit.purge.purge_world import INVOCATION, POLICY, RUN, StoppingQueue, StoredPlans, World, previewed
from tests.unit.purge.strategies import NOW, inventory, nightly, policy
from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.clock import MAX_CLOCK_SKEW
from vbs_reaper.errors import RunRefused, RunUnfinished
from vbs_reaper.purge.event import Run, read_event
from vbs_reaper.purge.inventory import check_clock
from vbs_reaper.purge.listing import ListedRows
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planning import make_and_store_plan
from vbs_reaper.purge.policy import POLICY_LIMIT_BYTES
from vbs_reaper.reasons import Reason

EVENT_WORDS = (
    'the event must be {"run": {<policy>}, "scheduled_time": "<time>"} or {"approve": {"policy": "<name>", '
    '"plan": "<sha256>"}}; found the keys '
)


def refusal(event: object) -> str:
    with pytest.raises(RunRefused) as refused:
        read_event(event, "default", INVOCATION)
    return str(refused.value)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({}, EVENT_WORDS + "none"),
        ({"a": 1, "b": 2}, EVENT_WORDS + "a, b"),
        ({"x" * 200: 1}, EVENT_WORDS + "x" * 128),
        ({"run": {"policy": "\ud800"}}, '"run" contains text that is not valid Unicode, or is nested too deeply'),
        (
            {"approve": {"policy": "a/b", "plan": "0" * 64}},
            '"approve.policy" is not a valid name; give the "policy" of the plan',
        ),
        (
            {"approve": {"policy": "a", "plan": "0" * 63}},
            '"approve.plan" is not a sha256; give the 64 lower-case hexadecimal digits of the plan',
        ),
    ],
)
def test_a_refused_event_says_what_to_write_instead(event: object, words: str) -> None:
    assert refusal(event) == words


def test_a_policy_may_be_as_long_as_the_limit_and_no_longer() -> None:
    room = POLICY_LIMIT_BYTES - len(msgspec.json.encode({"policy": ""}))
    assert "bytes" not in refusal({"run": {"policy": "x" * room}})
    assert f"{POLICY_LIMIT_BYTES} bytes" in refusal({"run": {"policy": "x" * (room + 1)}})


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_a_run_is_named_in_utc_wherever_the_machine_is(in_tokyo: None) -> None:
    asked = read_event({"run": POLICY, "scheduled_time": "2026-11-25T03:00:00Z"}, "default", INVOCATION)
    assert isinstance(asked, Run)
    assert asked.name == RUN


def test_our_clock_may_be_five_minutes_off() -> None:
    check_clock(NOW, NOW + MAX_CLOCK_SKEW)
    check_clock(NOW + MAX_CLOCK_SKEW, NOW)


def test_a_marker_that_every_text_contains_is_refused() -> None:
    with pytest.raises(ValueError, match="^the hold marker is empty: every backup would be held$"):
        inventory([], hold_marker=" ")


def test_a_refused_policy_is_known_by_its_name() -> None:
    answer = World().handle({"run": {"policy": "nightly", "speed": 1}})
    assert (answer["policy"], answer["run"]) == ("nightly", INVOCATION)


def test_a_run_is_known_by_its_name_however_it_ends() -> None:
    refused = World().run(match={})
    assert (refused["policy"], refused["run"]) == ("nightly", INVOCATION)
    incomplete = World()
    incomplete.cloud.date = None
    assert (incomplete.run()["policy"], incomplete.report.ends[-1].run) == ("nightly", RUN)


def test_a_refused_approval_is_known_by_its_hash() -> None:
    assert World().approve("a" * 64)["run"] == "a" * 64


def test_every_end_has_an_id_of_its_own_policy_run_and_outcome() -> None:
    ends = []
    for name, scheduled in (("nightly", "2026-11-25T03:00:00Z"), ("weekly", "2026-11-25T03:00:00Z")):
        world = World()
        world.cloud.date = None
        ends += [world.run(scheduled, policy=name), world.run("2026-11-26T03:00:00Z", policy=name)]
    ends += [World(nightly(5)).preview(), World(nightly(5)).run()]
    assert len({UUID(end["id"]) for end in ends}) == len(ends)


def test_a_sending_that_cut_the_grace_short_is_another_end() -> None:
    world = World(nightly(5))
    sha256 = previewed(world, grace="7d")
    due, whole = world.approve(sha256), world.approve(sha256, include_grace=True)
    assert due["id"] != whole["id"]
    assert (due["with_grace"], whole["with_grace"]) == (False, True)


def test_an_id_never_changes() -> None:
    """Consumers drop repeats by it, also across a new version of this application."""
    world = World(nightly(5))
    sha256 = previewed(world, grace="7d")
    assert [
        world.report.plans[-1].id,
        world.approve(sha256)["id"],
        world.approve(sha256, include_grace=True)["id"],
    ] == [
        "189d59b4-1209-5c87-ae85-cbd5f2a673b4",
        "fd4fdeca-7d2e-5bcd-af2d-6f5fbfd4d94e",
        "58d2d3c8-1a9a-58a7-8b39-88e0dfd81160",
    ]


def test_a_run_that_was_sent_says_which_and_that_no_grace_was_cut() -> None:
    world = World(nightly(5))
    assert world.run()["with_grace"] is False
    again = world.run()
    assert (again["outcome"], again["run"], again["with_grace"]) == ("already_sent", RUN, False)
    assert again["document"] == f"plans/nightly/{RUN}.json"


def test_a_plan_is_drawn_beside_itself() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    assert world.plans.objects["nightly", RUN, "html"] == f"the page of {sha256}".encode()


def test_a_plan_is_reported_as_it_is_answered() -> None:
    world = World(nightly(5))
    answer = world.preview()
    assert msgspec.to_builtins(world.report.plans[-1]) == answer


def test_a_run_that_a_guard_refuses_names_its_policy() -> None:
    answer = World(nightly(9)).run(guards={"max_deletions": 1, "max_fraction": 1})
    assert (answer["outcome"], answer["policy"], answer["run"]) == ("refused", "nightly", RUN)
    assert answer["document"] == f"plans/nightly/{RUN}.json"


def test_what_could_not_be_published_is_named() -> None:
    world = World(nightly(5))
    world.bus.is_deaf = True
    with pytest.raises(RunUnfinished, match=f'^nightly/{RUN}: the event "VBS Purge Planned" could not be published$'):
        world.run()


def test_a_target_nobody_can_log_in_to_is_named() -> None:
    world = World(nightly(5))
    sha256 = previewed(world)
    world.cloud.view = Answer(name=AnswerName.LOGIN_REFUSED, message="the login is refused", at=NOW)
    assert 'target "otc-prod": the login is refused' in world.approve(sha256)["message"]


def test_a_run_with_another_text_of_its_policy_is_named() -> None:
    world = World(nightly(5))
    previewed(world)
    assert world.preview(keep={"last": 3})["message"] == (
        f"nightly/{RUN} already has a plan, made with a different version of the policy; "
        "run the policy with another scheduled_time"
    )


FOUND = "Planned at 2026-11-25T03:00:00Z; the backups were not listed again. "


def test_a_run_that_finds_its_plan_says_when_that_was_made() -> None:
    world = World(nightly(5))
    first = world.preview()["message"]
    world.clock.advance(3 * 86400)
    assert world.preview()["message"] == FOUND + first == FOUND + "3 of 5 backups are due, 30 GiB."


def test_a_run_that_goes_on_says_when_it_was_planned() -> None:
    world = World(nightly(5))
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run()
    world.queue = StoppingQueue()
    compared = "only what a fresh plan selects too was requested"
    assert world.run()["message"] == f"Planned at 2026-11-25T03:00:00Z; {compared}. 3 deletions were requested."
    sent = f"The deletions of nightly/{RUN} were requested before; nothing was sent again."
    assert world.run()["message"] == FOUND + sent
    assert world.report.ends[-1].message == FOUND + sent
    assert [event.message for _, event in world.bus.heard][2:] == ["3 deletions were requested."]


def test_a_run_that_was_overtaken_has_listed() -> None:
    first, second = World(nightly(5)), World(nightly(5))
    first.run()
    second.plans.steals = first.plans.objects["nightly", RUN, "json"]
    assert second.run()["message"] == "3 deletions were requested."


class ForgetfulPlans(StoredPlans):
    """A store that says a plan is there already, and has none."""

    def store(self, policy: str, run: str, plan: Plan) -> str | None:
        """Refuse to write, as where somebody else was first."""
        return None


def test_a_plan_that_is_there_and_is_not_found_refuses_the_run() -> None:
    run = Run(policy=policy(target="otc-prod"), target="otc-prod", name=RUN)
    sentence = f"^nightly/{RUN} already exists in the plan store, but was not found there$"
    with pytest.raises(RunRefused, match=sentence) as refused:
        make_and_store_plan(
            ForgetfulPlans(), run, ListedRows(inventory=inventory([]), rows=[]), NOW, lambda policy, message: None
        )
    assert refused.value.reason is Reason.PLANS_UNUSABLE


@pytest.mark.parametrize(
    ("scheduled_time", "name"),
    [
        ("0026-11-25T03:00:00Z", "0026-11-25T03-00-00Z"),
        ("2026-11-25T03:00:00.999999+01:00", "2026-11-25T02-00-00Z"),
        ("0001-01-01T00:00:00+14:00", INVOCATION),
        ("9999-12-31T23:59:59-14:00", INVOCATION),
        ("soon", INVOCATION),
    ],
)
def test_a_run_is_named_by_its_time_in_one_shape_else_by_its_invocation(scheduled_time: str, name: str) -> None:
    asked = read_event({"run": POLICY, "scheduled_time": scheduled_time}, "default", INVOCATION)
    assert isinstance(asked, Run)
    assert asked.name == name
