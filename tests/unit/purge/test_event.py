"""Which events are understood, what a refused one is answered, and how a run is named."""

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.purge_world import INVOCATION, POLICY, RUN, World, assert_refused
from tests.unit.purge.strategies import nightly
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.event import Run, read_event
from vbs_reaper.purge.policy import POLICY_LIMIT_BYTES

EXPECTED = (
    'the event must be {"run": {<policy>}, "scheduled_time": "<time>"} or {"approve": {"policy": "<name>", '
    '"plan": "<sha256>"}}; found the keys '
)
APPROVE: dict[str, Any] = {"policy": "nightly", "plan": "a" * 64}


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({}, EXPECTED + "none"),
        ([], EXPECTED + "none"),
        ("run", EXPECTED + "none"),
        (None, EXPECTED + "none"),
        ({7: POLICY}, EXPECTED + "7"),
        ({"a": 1, "b": 2}, EXPECTED + "a, b"),
        ({"x" * 200: 1}, EXPECTED + "x" * 128),
        ({"run": POLICY, "approve": {}}, EXPECTED + "approve, run"),
        ({"run": POLICY, "time": "x"}, EXPECTED + "run, time"),
        ({"run": {"policy": "\ud800"}}, '"run" contains text that is not valid Unicode, or is nested too deeply'),
        ({"run": POLICY | {"x\n\ud800": 1}}, '"run" contains text that is not valid Unicode, or is nested too deeply'),
        (
            {"approve": APPROVE | {"plan": "0" * 63}},
            '"approve.plan" is not a sha256; give the 64 lower-case hexadecimal digits of the plan',
        ),
        (
            {"approve": APPROVE | {"policy": "../x"}},
            '"approve.policy" is not a valid name; give the "policy" of the plan',
        ),
    ],
)
def test_another_event_is_refused_with_what_to_write_before_anything_is_listed(
    world: World, event: object, sentence: str
) -> None:
    answer = world.handle(event)
    assert_refused(world, answer, "policy_refused")
    assert answer["message"] == sentence
    assert world.cloud.listings == 0


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"run": POLICY, "started_at": "2026-11-25T03:04:05Z", "scheduled_time": "2026-11-25T03:04:05Z"}, EXPECTED),
        ({"run": None}, "not a JSON object"),
        ({"run": POLICY | {"keep": {}}}, '"keep" is empty'),
        ({"run": POLICY | {"keep": {"lasst": 2}}}, 'did you mean "last"'),
        ({"approve": "x"}, '"approve"'),
        ({"approve": {"policy": "nightly"}}, '"plan" is missing'),
        ({"approve": APPROVE | {"plan": "A" * 64}}, "not a sha256"),
        ({"approve": APPROVE | {"all": True}}, "unknown key of 3 characters"),
        ({"approve": APPROVE | {"include_grace": "true"}}, '"include_grace"'),
        ({"approve": APPROVE | {"include_grace": 1}}, '"include_grace"'),
    ],
)
def test_a_refused_event_says_which_part_is_wrong(world: World, event: object, words: str) -> None:
    assert_refused(world, world.handle(event), "policy_refused", words)
    assert world.cloud.listings == 0


def test_a_policy_may_be_as_long_as_the_limit_and_no_longer() -> None:
    def refusal(length: int) -> str:
        with pytest.raises(RunRefused) as refused:
            read_event({"run": {"policy": "x" * length}}, "default", INVOCATION)
        return str(refused.value)

    room = POLICY_LIMIT_BYTES - len(msgspec.json.encode({"policy": ""}))
    assert "bytes" not in refusal(room)
    assert "65536 bytes" in refusal(room + 1)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        _anything,
        st.fixed_dictionaries({"run": _anything}, optional={"scheduled_time": _anything}),
        st.fixed_dictionaries({"approve": _anything}),
        st.tuples(st.sampled_from(sorted(POLICY)), _anything).map(lambda pair: {"run": POLICY | {pair[0]: pair[1]}}),
    )
)
def test_whatever_the_event_holds_it_is_carried_out_or_refused_in_printable_words(event: object) -> None:
    world = World(nightly(3))
    answer = world.handle(event)
    assert answer["outcome"] in {"refused", "planned", "completed"}
    assert answer["message"].isprintable()
    assert answer["outcome"] == "completed" or not world.queue.sent


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("scheduled_time", "name"),
    [
        ("2026-11-25T03:00:00Z", RUN),
        ("2026-11-25T04:00:00+01:00", RUN),
        ("2026-11-25T03:00:00.000Z", RUN),
        ("0026-11-25T03:00:00Z", "0026-11-25T03-00-00Z"),
        ("2026-11-25T03:00:00.999999+01:00", "2026-11-25T02-00-00Z"),
        *((odd, INVOCATION) for odd in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon", "", 7)),
        *((odd, INVOCATION) for odd in ("<aws.scheduler.scheduled-time>", ["x"])),
    ],
)
def test_a_run_is_named_by_its_time_in_utc_wherever_the_machine_is_else_by_its_invocation(
    in_tokyo: None, scheduled_time: object, name: str
) -> None:
    asked = read_event({"run": POLICY, "scheduled_time": scheduled_time}, "default", INVOCATION)
    assert isinstance(asked, Run)
    assert asked.name == name


def test_only_a_run_with_a_scheduled_time_is_reported_as_scheduled(world: World) -> None:
    assert world.handle({"run": POLICY})["run"] == INVOCATION
    assert world.handle({"run": POLICY, "started_at": "2026-11-25T03:04:05Z"})["run"] == "2026-11-25T03-04-05Z"
    assert world.report.scheduled_runs == []
    world.run()
    assert world.report.scheduled_runs == ["nightly"]
