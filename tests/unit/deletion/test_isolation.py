"""One slow, broken or hostile record or target does not stop the others: circuit breakers, target health, threads."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import dropwhile
from threading import Event, Lock, current_thread, main_thread
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings, strategies as st
from msgspec.structs import replace

from tests.support.doubles import ManualClock
from tests.unit.deletion.test_decision import EVERYWHERE
from tests.unit.deletion.world import ASKED, ONE, THREE, TWO, VIEW, World, answer, ask, backup_id, found
from vbs_reaper.backups.answer import AnswerName, Operation
from vbs_reaper.backups.holds import HoldKind, name_of_hold
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.deletion.decide import DOUBTFUL_HALTS, HALTS
from vbs_reaper.deletion.deleter import BATCH_LIMIT
from vbs_reaper.deletion.result import Result
from vbs_reaper.deletion.target_health import TargetHealth

DOUBTFUL = [
    AnswerName.OTHER_BACKUP,
    AnswerName.NO_SERVICE,
    AnswerName.UNAVAILABLE,
    AnswerName.WRONG_ENDPOINT,
    AnswerName.REDIRECTED,
    AnswerName.GATEWAY_REFUSED,
    AnswerName.CLOCK_SKEW,
]
CERTAIN = [
    name
    for name, words in EVERYWHERE.items()
    if words.startswith("halt") and name not in {*DOUBTFUL, AnswerName.OTHER_PROJECT}
]
DOWN = answer(AnswerName.UNAVAILABLE)


@pytest.fixture
def world() -> World:
    return World(ONE, TWO, THREE)


def as_wait(halt: str) -> str:
    return halt.replace("halt", "wait")


# Which Halts can be outweighed


def test_every_halt_is_either_certain_or_doubtful() -> None:
    assert {*DOUBTFUL} == DOUBTFUL_HALTS
    assert {*CERTAIN} == {*HALTS} - DOUBTFUL_HALTS


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_doubtful_answer_to_a_get_is_a_wait_of_that_record_if_others_are_served(
    world: World, name: AnswerName
) -> None:
    world.cloud.answers("show", TWO, answer(name))
    assert world.process(ask(ONE)) == "asked"
    world.clock.advance(60)
    assert world.process(ask(TWO), "m-2") == as_wait(EVERYWHERE[name])
    assert world.process(ask(THREE), "m-3") == "asked"


@pytest.mark.parametrize("name", DOUBTFUL)
def test_without_a_good_answer_to_another_record_within_a_base_it_halts_the_target(
    world: World, name: AnswerName
) -> None:
    world.process(ask(ONE))
    world.clock.advance(60.001)
    world.cloud.answers("show", TWO, answer(name))
    assert world.process(ask(TWO), "m-2") == EVERYWHERE[name]
    assert world.process(ask(THREE), "m-3") == "wait halted"


@pytest.mark.parametrize(("others", "decision"), [([], "halt service_down"), ([TWO], "wait service_down")])
def test_only_a_good_answer_to_another_message_counts(world: World, others: list[str], decision: str) -> None:
    for other in others:
        world.process(ask(other), other)
    world.cloud.answers("show", ONE, found(ONE), DOWN)
    world.cloud.answers("delete", ONE, answer(AnswerName.CONFLICT))
    assert world.process(ask(ONE)) == decision


@pytest.mark.parametrize(
    ("good", "decision"),
    [
        (ask(ONE, target="other"), "halt service_down"),
        (ask(ONE), "wait service_down"),
        (ask(backup_id(9)), "wait service_down"),  # a proven 404
    ],
)
def test_good_answers_of_another_target_do_not_count(world: World, good: dict[str, Any], decision: str) -> None:
    world.process(good)
    world.cloud.answers("show", TWO, DOWN)
    assert world.process(ask(TWO), "m-2") == decision


def test_a_halt_does_not_concern_other_targets(world: World) -> None:
    world.cloud.answers("show", ONE, DOWN)
    world.process(ask(ONE))
    assert world.process(ask(TWO, target="other"), "m-2") == "asked"


@pytest.mark.parametrize("operation", ["show", "delete"])
@pytest.mark.parametrize("name", CERTAIN)
def test_a_certain_answer_halts_every_call_even_if_others_are_served(
    world: World, name: AnswerName, operation: str
) -> None:
    world.process(ask(ONE))
    world.cloud.answers(operation, TWO, answer(name))
    assert world.process(ask(TWO), "m-2") == EVERYWHERE[name]
    world.cloud.calls.clear()
    assert world.process(ask(THREE), "m-3") == "wait halted"
    assert world.cloud.calls == []


@pytest.mark.parametrize("operation", ["show", "delete"])
def test_a_halt_with_retry_after_lasts_that_long(world: World, operation: str) -> None:
    world.cloud.answers(operation, ONE, answer(AnswerName.UNAVAILABLE, retry_after_s=300.0))
    world.process(ask(ONE))
    world.clock.advance(299)
    assert world.process(ask(TWO), "m-2") == "wait halted"
    world.clock.advance(1)
    assert world.process(ask(TWO), "m-2") == "asked"


def test_a_halt_that_ends_in_a_second_is_waited_for_no_longer() -> None:
    world = World(base_s=1)
    world.cloud.answers("show", ONE, answer(AnswerName.THROTTLED, retry_after_s=90))
    world.process(ask(ONE))
    world.clock.advance(89.5)
    assert world.process(ask(ONE), "m-2") == "wait halted"
    assert world.queue.hidden["receipt-of-m-2"] == 2


@pytest.mark.parametrize("name", [AnswerName.OTHER_PROJECT, AnswerName.OUT_OF_TIME, AnswerName.LOGIN_BUSY])
def test_an_answer_without_a_call_does_not_close_the_breaker(world: World, name: AnswerName) -> None:
    world.cloud.answers("show", ONE, DOWN)
    world.process(ask(ONE))
    world.clock.advance(60)
    world.cloud.answers("show", TWO, answer(name))
    world.cloud.answers("show", THREE, DOWN)
    others = [world.message(ask(backup_id(number)), f"m-{number}") for number in range(3, 8)]
    world.deliver(world.message(ask(TWO, project_id="f" * 32)), *others)
    assert world.cloud.calls[1:] == [("show", TWO), ("show", THREE)]


def test_an_outage_that_began_among_good_answers_halts_once_a_base_has_passed(world: World) -> None:
    """Until then, each answer could concern one record only. After it, one record probes for all."""
    world.process(ask(ONE))
    world.cloud.down = DOWN
    batch = [world.message(ask(backup_id(number)), f"m-{number}") for number in range(20, 30)]
    world.deliver(*batch)
    assert {world.decision(f"m-{number}") for number in range(20, 30)} == {"wait service_down"}
    world.clock.advance(61)
    world.cloud.calls.clear()
    world.deliver(*batch)
    assert len(world.cloud.calls) == 1


@pytest.mark.parametrize("broken", [1, 5])
@pytest.mark.parametrize("seed", range(5))
def test_records_that_always_get_bad_answers_do_not_starve_the_others(broken: int, seed: int) -> None:
    """The same batch is delivered every minute, in any order, as if no record backed off."""
    bad = [backup_id(number) for number in range(broken)]
    good = [backup_id(100 + number) for number in range(10 - broken)]
    world = World(*good)
    world.cloud.deletion_s = 1
    for each in bad:
        world.cloud.answers("show", each, *[DOWN] * 20)
    batch = [*bad, *good]
    order = random.Random(seed)
    for number in range(20):
        order.shuffle(batch)
        world.deliver(*(world.message(ask(each), f"m-{each}-{number}") for each in batch))
        world.clock.advance(61)
    assert {*world.cloud.deleted} == {*good}


# Halts of DELETEs


def test_after_a_delete_only_an_accepted_delete_of_another_record_counts(world: World) -> None:
    world.cloud.answers("delete", TWO, *[answer(AnswerName.NO_SERVICE)] * 2)
    world.process(ask(backup_id(9)))  # a good answer to a GET
    assert world.process(ask(TWO), "m-2") == "halt service_down"
    world.clock.advance(60)
    assert world.process(ask(ONE)) == "asked"
    assert world.process(ask(TWO), "m-2") == "wait service_down"
    assert world.process(ask(THREE), "m-3") == "asked"


def test_a_404_to_the_delete_of_another_record_does_not_count(world: World) -> None:
    """The API looks up the backup before it checks the service, which causes a 404 while that is down."""
    world.cloud.answers("delete", ONE, answer(AnswerName.GONE, at=world.clock(), view=VIEW))
    assert world.process(ask(ONE)) == "deleted"
    world.cloud.answers("delete", TWO, answer(AnswerName.NO_SERVICE))
    assert world.process(ask(TWO), "m-2") == "halt service_down"


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_doubtful_halt_of_a_delete_stops_deletes_only(world: World, name: AnswerName) -> None:
    world.cloud.answers("delete", ONE, answer(name))
    assert world.process(ask(ONE)) == EVERYWHERE[name]
    world.cloud.calls.clear()
    assert world.process(ask(TWO), "m-2") == "wait halted"
    del world.cloud.backups[THREE]
    assert world.process(ask(THREE), "m-3", attributes=ASKED) == "deleted"
    assert world.cloud.calls == [("show", TWO), ("show", THREE)]


def test_while_the_service_shows_but_does_not_delete_only_one_record_sends_a_delete() -> None:
    batch = [backup_id(number) for number in range(10)]
    world = World(*batch)
    for each in batch:
        world.cloud.answers("delete", each, *[answer(AnswerName.NO_SERVICE)] * 5)
    for _ in range(2):
        world.cloud.calls.clear()
        world.deliver(*[world.message(ask(each), f"m-{each}") for each in batch])
        assert (len(world.called("show")), len(world.called("delete"))) == (10, 1)
        world.clock.advance(60)


def test_a_record_that_could_try_a_delete_and_sends_none_lets_another_one_try(world: World) -> None:
    world.cloud.answers("delete", ONE, answer(AnswerName.NO_SERVICE))
    world.process(ask(ONE))
    world.clock.advance(60)
    world.holds.put(name_of_hold(HoldKind.BACKUP, TWO, None, "0123abcd"))
    assert world.process(ask(TWO), "m-2") == "refused held"
    assert world.process(ask(THREE), "m-3") == "asked"


# GETs that time out


def test_two_gets_in_a_row_that_time_out_halt_the_target_and_so_does_each_further_one(world: World) -> None:
    for each in (ONE, TWO, THREE):
        world.cloud.answers("show", each, answer(AnswerName.TIMED_OUT))
    assert world.process(ask(ONE)) == "wait timed_out"
    assert world.process(ask(TWO), "m-2") == "halt timed_out"
    assert world.process(ask(THREE), "m-3") == "wait halted"
    world.clock.advance(60)
    assert world.process(ask(THREE), "m-3") == "halt timed_out"
    world.clock.advance(60)
    assert world.process(ask(THREE), "m-3") == "asked"


def test_a_good_answer_between_them_means_that_only_these_records_are_slow() -> None:
    world = World(*[backup_id(100 + number) for number in range(10)])
    for number in range(10):
        world.cloud.answers("show", backup_id(number), answer(AnswerName.TIMED_OUT))
        assert world.process(ask(backup_id(number))) == "wait timed_out"
        assert world.process(ask(backup_id(100 + number)), "m-2") == "asked"


def test_deletes_that_time_out_do_not_halt_gets(world: World) -> None:
    for each in (ONE, TWO, THREE):
        world.cloud.answers("delete", each, answer(AnswerName.TIMED_OUT))
        assert world.process(ask(each), each) == "wait timed_out"


def test_other_answers_between_timeouts_do_not_make_them_harmless(world: World) -> None:
    for each, name in ((ONE, AnswerName.TIMED_OUT), (TWO, AnswerName.FORBIDDEN), (THREE, AnswerName.TIMED_OUT)):
        world.cloud.answers("show", each, answer(name))
    decisions = [world.process(ask(each), each) for each in (ONE, TWO, THREE)]
    assert decisions == ["wait timed_out", "wait forbidden", "halt timed_out"]


# What is remembered only delays

SITUATIONS: dict[str, Callable[[World], None]] = {
    "available": lambda world: world.cloud.has(ONE),
    "held": lambda world: world.cloud.has(ONE, name="[hold]"),
    "gone": lambda world: None,
    "deleting": lambda world: world.cloud.has(ONE, status="deleting"),
    "error_deleting": lambda world: world.cloud.has(ONE, status="error_deleting"),
}


@given(
    history=st.lists(
        st.tuples(
            st.sampled_from(["show", "delete"]),
            st.sampled_from([name for name in AnswerName if name is not AnswerName.FOUND]),
            st.sampled_from([0.0, 1.0, 59.0, 61.0, 4000.0]),
        ),
        max_size=6,
    ),
    situation=st.sampled_from(list(SITUATIONS)),
    attributes=st.sampled_from([{}, ASKED]),
    receives=st.integers(1, 3),
    hours=st.floats(0, 287),
)
def test_what_an_environment_remembers_only_delays_a_request(
    history: list[tuple[str, AnswerName, float]],
    situation: str,
    attributes: dict[str, str],
    receives: int,
    hours: float,
) -> None:
    def run(world: World) -> tuple[list[Any], str]:
        SITUATIONS[situation](world)
        world.bus.results.clear()
        world.queue.sent.clear()
        how = {"receives": receives, "attributes": attributes, "age": timedelta(hours=hours)}
        decision = world.process(ask(ONE), "m-this", **how)
        return [*world.ends, *(sorted(message.attributes) for message in world.queue.sent)], decision

    used, new = World(), World()
    for number, (operation, name, pause_s) in enumerate(history):
        other = backup_id(100 + number)
        used.cloud.has(other)
        used.cloud.answers(operation, other, answer(name))
        used.process(ask(other), f"m-{number}")
        used.clock.advance(pause_s)
    new.clock.now = used.clock.now
    (effects, decision), (wanted, _) = run(used), run(new)
    assert effects == wanted or (effects == [] and decision.startswith("wait"))


GOOD = [
    (Operation.SHOW_BACKUP, AnswerName.FOUND),
    (Operation.SHOW_BACKUP, AnswerName.GONE),
    (Operation.DELETE_BACKUP, AnswerName.ACCEPTED),
]
BAD = [(Operation.SHOW_BACKUP, AnswerName.UNAVAILABLE), (Operation.DELETE_BACKUP, AnswerName.UNAVAILABLE)]


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([ONE, TWO, THREE]),
            st.sampled_from([*GOOD, *BAD]),
            st.sampled_from([0.0, 20.0, 61.0, 560.0]),
        ),
        max_size=12,
    )
)
def test_target_health_agrees_with_a_complete_record_of_all_answers(
    answers: list[tuple[BackupId, tuple[Operation, AnswerName], float]],
) -> None:
    clock = ManualClock()
    health = TargetHealth(clock, 5)
    log: list[Recorded] = []
    for backup, (operation, name), pause_s in answers:
        health.record(backup, operation, replace(answer(name), target=VIEW))
        is_good = (operation, name) in GOOD
        if not is_good:
            wanted = concerns_only(log, backup, operation, clock())
            assert health.concerns_only(backup, operation, 60) is wanted
        log.append(Recorded(backup, operation is Operation.DELETE_BACKUP, is_good, clock()))
        clock.advance(pause_s)
    # Of each call another backup asks: an answer of `concerns_only` may be remembered.
    for other, operation in ((backup_id(4), Operation.SHOW_BACKUP), (backup_id(5), Operation.DELETE_BACKUP)):
        wanted = concerns_only(log, other, operation, clock())
        assert health.concerns_only(other, operation, 60) is wanted


class Recorded(NamedTuple):
    """An answer of the cloud in the complete record."""

    backup: BackupId
    by_delete: bool
    is_good: bool
    at: datetime


def concerns_only(log: list[Recorded], backup: BackupId, operation: Operation, now: datetime) -> bool:
    """The model: a suspect had a bad answer after its own last good one, and another backup then had a good one."""
    by_delete = operation is Operation.DELETE_BACKUP
    same_kind = [each for each in log if each.by_delete is by_delete]
    own_good = [place for place, each in enumerate(same_kind) if each.backup == backup and each.is_good]
    since = same_kind[own_good[-1] + 1 if own_good else 0 :]
    after_bad = dropwhile(lambda each: each.backup != backup, since)
    is_suspect = any(each.is_good and each.backup != backup for each in after_bad)
    within = timedelta(seconds=600 if is_suspect else 60)
    others = [each for each in log if each.is_good and each.backup != backup and each.at >= now - within]
    return any(each.by_delete or not by_delete for each in others)


# Threads


@pytest.mark.parametrize("name", [AnswerName.UNAVAILABLE, AnswerName.SECRET_UNUSABLE, AnswerName.THROTTLED])
def test_with_real_threads_too_a_dead_service_is_asked_once(name: AnswerName) -> None:
    for _ in range(20):
        with ThreadPoolExecutor(5) as pool:
            world = World(threads=pool)
            world.cloud.down = answer(name)
            kept = world.deliver(*[world.message(ask(backup_id(number)), f"m-{number}") for number in range(10)])
        assert len(kept) == len(world.queue.hidden) == 10
        assert len(world.cloud.calls) == 1


@pytest.mark.parametrize(("since_s", "at_most"), [(60, 30), (61, 5)])
def test_an_outage_costs_no_more_than_the_calls_in_flight_once_a_base_has_passed(since_s: int, at_most: int) -> None:
    """Within a base of a good answer, each record makes its own call: only one backup's host may be down."""
    with ThreadPoolExecutor(5) as pool:
        world = World(threads=pool)
        world.process(ask(backup_id(100)), "m-first")
        world.cloud.down = DOWN
        world.cloud.calls.clear()
        world.clock.advance(since_s)
        world.deliver(*[world.message(ask(backup_id(number)), f"m-{number}") for number in range(30)])
    assert len(world.cloud.calls) <= at_most
    assert len(world.queue.hidden) == 30 + 1


class SlowTarget(World):
    """GETs of the target `slow` hang until they are released."""

    def __init__(self, calls_at_once: int, full_at: int = 1) -> None:
        super().__init__()
        self.release = Event()
        self.full = Event()
        """So many GETs are in flight."""
        self.published = Event()
        self.most = 0
        self._full_at = full_at
        self._in_flight = 0
        self._counter = Lock()
        self.cloud.meanwhile = self._hang
        self.bus.turns_away = self._notice
        self.deleter = self.new_environment(calls_at_once=calls_at_once, threads=None)

    def _hang(self, _: str, ref: BackupRef) -> None:
        if ref.target != "slow":
            return
        with self._counter:
            self._in_flight += 1
            self.most = max(self.most, self._in_flight)
            if self._in_flight >= self._full_at:
                self.full.set()
        assert self.release.wait(20)
        with self._counter:
            self._in_flight -= 1

    def _notice(self, _: Result) -> bool:
        self.published.set()
        return False

    def record(self, target: str, number: int = 0) -> dict[str, Any]:
        return self.second_delivery(ask(backup_id(number), target=target), f"m-{target}-{number}")

    @contextmanager
    def delivering(self, *batch: dict[str, Any]) -> Iterator[None]:
        """Deliver a batch in another thread; release it at the end, and check that no message stays."""
        with ThreadPoolExecutor(1) as caller:
            kept = caller.submit(self.deliver, *batch)
            try:
                assert self.full.wait(20), "so many calls were in flight together"
                yield
            finally:
                self.release.set()
            assert kept.result(20) == []


@pytest.mark.parametrize("calls_at_once", [1, 5, 10])
@pytest.mark.parametrize("is_first", [True, False])
def test_nine_slow_records_of_one_target_do_not_delay_another_target(
    calls_at_once: int,
    is_first: bool,  # noqa: FBT001
) -> None:
    """The other record ends while all nine still wait for their answer, a slot or the probe."""
    world = SlowTarget(calls_at_once)
    slow = [world.record("slow", number) for number in range(BATCH_LIMIT - 1)]
    other = [world.record("other")]
    with world.delivering(*(other + slow if is_first else slow + other)):
        assert world.published.wait(20)


def test_slow_records_that_outlive_their_batch_do_not_delay_another_target_in_the_next_one() -> None:
    world = SlowTarget(5)

    def left_s() -> float:
        """The batch ends as soon as the first record hangs; each record has time to wait for a slot."""
        if current_thread() is main_thread():
            assert world.full.wait(20)
            return 3.0
        return 60.0

    try:
        slow = [world.record("slow", number) for number in range(9)]
        response = world.deleter.handle({"Records": slow}, left_s, "i")
        assert len(response["batchItemFailures"]) == 9
        assert world.deliver(world.record("other")) == []
    finally:
        world.release.set()


@pytest.mark.parametrize("calls_at_once", [1, 3, 10])
def test_a_target_gets_at_most_so_many_calls_at_once(calls_at_once: int) -> None:
    world = SlowTarget(calls_at_once, full_at=calls_at_once)
    world.release.set()
    assert world.deliver(world.record("slow")) == []  # the breaker is closed now
    world.release.clear()
    world.full.clear()
    with world.delivering(*[world.record("slow", number) for number in range(10)]):
        pass
    assert world.most == calls_at_once


def test_a_record_that_gets_no_slot_in_time_waits() -> None:
    world = SlowTarget(1)
    with world.delivering(world.record("slow", 1)):
        world.left_s = 30.0
        assert world.deliver(world.record("slow", 2)) == ["m-slow-2"]
    assert world.decision("m-slow-2") == "wait out_of_time"
