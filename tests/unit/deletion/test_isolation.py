"""One slow, broken or hostile record or target does not stop the others: circuit breakers, target health, threads."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event, Lock, current_thread, main_thread
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.world import VIEW, MemoryCloud, World, answer, backup_id, found
from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decide import DOUBTFUL_HALTS, HALTS
from vbs_reaper.deletion.decision import Asked, Decision, Deleted, Halt, Wait
from vbs_reaper.deletion.deleter import BATCH_LIMIT, Deleter
from vbs_reaper.deletion.target_health import TargetHealth
from vbs_reaper.reasons import Reason

ONE, TWO, THREE = (backup_id(number) for number in (1, 2, 3))
PATIENCE_S = 20.0
DOUBTFUL = [
    (AnswerName.OTHER_BACKUP, Reason.IDENTITY_MISMATCH),
    (AnswerName.NO_SERVICE, Reason.SERVICE_DOWN),
    (AnswerName.UNAVAILABLE, Reason.SERVICE_DOWN),
    (AnswerName.WRONG_ENDPOINT, Reason.WRONG_ENDPOINT),
    (AnswerName.REDIRECTED, Reason.REDIRECTED),
    (AnswerName.GATEWAY_REFUSED, Reason.GATEWAY_REFUSED),
    (AnswerName.CLOCK_SKEW, Reason.CLOCK_SKEW),
]
CERTAIN = [
    AnswerName.THROTTLED,
    AnswerName.PROXY_REFUSED,
    AnswerName.URL_PROJECT_MISMATCH,
    AnswerName.UNAUTHORIZED,
    AnswerName.UNREACHABLE,
    AnswerName.TLS_FAILED,
    AnswerName.SECRET_UNUSABLE,
    AnswerName.LOGIN_REFUSED,
    AnswerName.LOGIN_THROTTLED,
    AnswerName.LOGIN_UNAVAILABLE,
    AnswerName.LOGIN_MISPLACED,
    AnswerName.TOKEN_PROJECT_MISMATCH,
    AnswerName.ADMINISTRATOR,
    AnswerName.USER_LOCKED,
    AnswerName.BUCKET_UNUSABLE,
]


@pytest.fixture
def world() -> World:
    world = World()
    for each in (ONE, TWO, THREE):
        world.cloud.has(each)
    return world


def process(world: World, backup: str, message_id: str = "", **fields: object) -> Decision:
    message_id = message_id or f"m-{backup}"
    world.deliver(world.message({"backup_id": backup} | fields, message_id))
    return world.report.last(message_id)


def summary(decision: Decision) -> tuple[type, Reason | None]:
    return type(decision), getattr(decision, "reason", None)


# Which Halts can be outweighed


def test_every_halt_is_either_certain_or_doubtful() -> None:
    assert {name for name, _ in DOUBTFUL} == DOUBTFUL_HALTS
    assert set(CERTAIN) == set(HALTS) - DOUBTFUL_HALTS


@pytest.mark.parametrize(("name", "reason"), DOUBTFUL)
def test_a_doubtful_answer_to_a_get_is_a_wait_of_that_record_if_others_are_served(
    world: World, name: AnswerName, reason: Reason
) -> None:
    world.cloud.answers("show", TWO, answer(name))
    assert isinstance(process(world, ONE), Asked)
    world.clock.advance(60)
    assert summary(process(world, TWO)) == (Wait, reason)
    assert isinstance(process(world, THREE), Asked)


@pytest.mark.parametrize(("name", "reason"), DOUBTFUL)
def test_without_a_good_answer_to_another_record_within_a_base_it_halts_the_target(
    world: World, name: AnswerName, reason: Reason
) -> None:
    process(world, ONE)
    world.clock.advance(60.001)
    world.cloud.answers("show", TWO, answer(name))
    assert summary(process(world, TWO)) == (Halt, reason)
    assert summary(process(world, THREE)) == (Wait, Reason.HALTED)


def test_a_good_answer_to_the_same_message_does_not_count(world: World) -> None:
    world.cloud.answers("show", ONE, found(ONE), answer(AnswerName.UNAVAILABLE))
    world.cloud.answers("delete", ONE, answer(AnswerName.CONFLICT))
    assert summary(process(world, ONE)) == (Halt, Reason.SERVICE_DOWN)


def test_a_good_answer_to_the_same_message_does_not_hide_that_of_another(world: World) -> None:
    process(world, TWO)
    world.cloud.answers("show", ONE, found(ONE), answer(AnswerName.UNAVAILABLE))
    world.cloud.answers("delete", ONE, answer(AnswerName.CONFLICT))
    assert summary(process(world, ONE)) == (Wait, Reason.SERVICE_DOWN)


def test_good_answers_of_another_target_do_not_count(world: World) -> None:
    process(world, ONE, target="other")
    world.cloud.answers("show", TWO, answer(AnswerName.UNAVAILABLE))
    assert summary(process(world, TWO)) == (Halt, Reason.SERVICE_DOWN)


def test_a_proven_404_is_a_good_answer_to_a_get(world: World) -> None:
    process(world, backup_id(9))
    world.cloud.answers("show", TWO, answer(AnswerName.UNAVAILABLE))
    assert summary(process(world, TWO)) == (Wait, Reason.SERVICE_DOWN)


@pytest.mark.parametrize("operation", ["show", "delete"])
@pytest.mark.parametrize("name", CERTAIN)
def test_a_certain_answer_halts_every_call_whoever_is_served(world: World, name: AnswerName, operation: str) -> None:
    process(world, ONE)
    world.cloud.answers(operation, TWO, answer(name))
    assert summary(process(world, TWO)) == (Halt, HALTS[name])
    world.cloud.calls.clear()
    assert summary(process(world, THREE)) == (Wait, Reason.HALTED)
    assert world.cloud.calls == []


def test_an_outage_that_began_among_good_answers_halts_once_a_base_has_passed(world: World) -> None:
    """Until then, each answer could concern one record only. After it, one record probes for all."""
    process(world, ONE)
    world.cloud.down = answer(AnswerName.UNAVAILABLE)
    batch = [world.message({"backup_id": backup_id(number)}, f"m-{number}") for number in range(20, 30)]
    world.deliver(*batch)
    assert {summary(world.report.last(f"m-{number}")) for number in range(20, 30)} == {(Wait, Reason.SERVICE_DOWN)}
    world.clock.advance(61)
    world.cloud.calls.clear()
    world.deliver(*batch)
    assert len(world.cloud.calls) == 1


@pytest.mark.parametrize("broken", [1, 5])
@pytest.mark.parametrize("seed", range(5))
def test_records_that_always_get_bad_answers_do_not_starve_the_others(broken: int, seed: int) -> None:
    """The same batch is delivered every minute, in any order, as if no record backed off."""
    world = World()
    order = random.Random(seed)
    world.cloud.deletion_s = 1
    bad = [backup_id(number) for number in range(broken)]
    good = [backup_id(100 + number) for number in range(10 - broken)]
    for each in good:
        world.cloud.has(each)
    for each in bad:
        world.cloud.answers("show", each, *[answer(AnswerName.UNAVAILABLE)] * 1000)
    rounds = 0
    while len(world.cloud.deleted) < len(good) and rounds < 20:
        rounds += 1
        batch = [*bad, *good]
        order.shuffle(batch)
        world.deliver(*(world.message({"backup_id": each}, f"m-{each}-{rounds}") for each in batch))
        world.clock.advance(61)
    assert len(world.cloud.deleted) == len(good)


# Halts of DELETEs


def test_after_a_delete_only_an_accepted_delete_of_another_record_counts(world: World) -> None:
    world.cloud.answers("delete", TWO, *[answer(AnswerName.NO_SERVICE)] * 2)
    process(world, backup_id(9))  # a good answer to a GET
    assert summary(process(world, TWO)) == (Halt, Reason.SERVICE_DOWN)
    world.clock.advance(60)
    assert isinstance(process(world, ONE), Asked)
    assert summary(process(world, TWO)) == (Wait, Reason.SERVICE_DOWN)
    assert isinstance(process(world, THREE), Asked)


def test_a_404_to_the_delete_of_another_record_does_not_count(world: World) -> None:
    """The API looks the backup up before it asks for the service: it answers 404 while that is down."""
    world.cloud.answers("delete", ONE, answer(AnswerName.GONE, at=world.clock(), view=VIEW))
    assert isinstance(process(world, ONE), Deleted)
    world.cloud.answers("delete", TWO, answer(AnswerName.NO_SERVICE))
    assert summary(process(world, TWO)) == (Halt, Reason.SERVICE_DOWN)


@pytest.mark.parametrize(("name", "reason"), DOUBTFUL)
def test_a_doubtful_halt_of_a_delete_stops_deletes_only(world: World, name: AnswerName, reason: Reason) -> None:
    world.cloud.answers("delete", ONE, answer(name))
    assert summary(process(world, ONE)) == (Halt, reason)
    world.cloud.calls.clear()
    assert summary(process(world, TWO)) == (Wait, Reason.HALTED)
    del world.cloud.backups[THREE]
    asked = {"asked_at": world.clock().isoformat()}
    world.deliver(world.message({"backup_id": THREE}, "m-3", attributes=asked))
    assert isinstance(world.report.last("m-3"), Deleted)
    assert world.cloud.calls == [("show", TWO), ("show", THREE)]


def test_a_halt_of_deletes_with_retry_after_lasts_that_long(world: World) -> None:
    world.cloud.answers("delete", ONE, answer(AnswerName.UNAVAILABLE, retry_after_s=300.0))
    process(world, ONE)
    world.clock.advance(299)
    assert summary(process(world, TWO)) == (Wait, Reason.HALTED)
    world.clock.advance(1)
    assert isinstance(process(world, TWO), Asked)


# GETs that time out


def test_two_gets_in_a_row_that_time_out_halt_the_target(world: World) -> None:
    for each in (ONE, TWO):
        world.cloud.answers("show", each, answer(AnswerName.TIMED_OUT))
    assert summary(process(world, ONE)) == (Wait, Reason.TIMED_OUT)
    assert summary(process(world, TWO)) == (Halt, Reason.TIMED_OUT)
    assert summary(process(world, THREE)) == (Wait, Reason.HALTED)
    world.clock.advance(60)
    assert isinstance(process(world, THREE), Asked)


def test_after_that_halt_a_further_timeout_halts_again(world: World) -> None:
    for each in (ONE, TWO, THREE):
        world.cloud.answers("show", each, answer(AnswerName.TIMED_OUT))
    process(world, ONE)
    process(world, TWO)
    world.clock.advance(60)
    assert summary(process(world, THREE)) == (Halt, Reason.TIMED_OUT)


def test_a_good_answer_between_them_means_that_only_these_records_are_slow(world: World) -> None:
    slow = [backup_id(number) for number in range(10, 20)]
    for number, each in enumerate(slow):
        world.cloud.answers("show", each, answer(AnswerName.TIMED_OUT))
        assert summary(process(world, each)) == (Wait, Reason.TIMED_OUT)
        world.cloud.has(backup_id(100 + number))
        assert isinstance(process(world, backup_id(100 + number)), Asked)


def test_deletes_that_time_out_do_not_halt_gets(world: World) -> None:
    for each in (ONE, TWO, THREE):
        world.cloud.answers("delete", each, answer(AnswerName.TIMED_OUT))
        assert summary(process(world, each)) == (Wait, Reason.TIMED_OUT)


def test_other_answers_between_timeouts_do_not_make_them_harmless(world: World) -> None:
    for each, name in ((ONE, AnswerName.TIMED_OUT), (TWO, AnswerName.FORBIDDEN), (THREE, AnswerName.TIMED_OUT)):
        world.cloud.answers("show", each, answer(name))
    assert [summary(process(world, each))[0] for each in (ONE, TWO, THREE)] == [Wait, Wait, Halt]


# What is remembered only delays

HISTORY = [name for name in AnswerName if name is not AnswerName.FOUND]
histories = st.lists(
    st.tuples(
        st.sampled_from(["show", "delete"]), st.sampled_from(HISTORY), st.sampled_from([0.0, 1.0, 59.0, 61.0, 4000.0])
    ),
    max_size=6,
)
SITUATIONS: dict[str, Callable[[World], None]] = {
    "available": lambda world: world.cloud.has(ONE),
    "held": lambda world: world.cloud.has(ONE, name="[hold]"),
    "gone": lambda world: None,
    "deleting": lambda world: world.cloud.has(ONE, status="deleting"),
    "error_deleting": lambda world: world.cloud.has(ONE, status="error_deleting"),
}


@given(histories, st.sampled_from(list(SITUATIONS)), st.booleans(), st.integers(1, 3), st.floats(0, 287))
def test_whatever_an_environment_remembers_only_delays_a_request(
    history: list[tuple[str, AnswerName, float]],
    situation: str,
    asked: bool,  # noqa: FBT001
    receives: int,
    hours: float,
) -> None:
    def run(world: World) -> tuple[list[Any], Decision]:
        SITUATIONS[situation](world)
        world.bus.results.clear()
        world.queue.sent.clear()
        sent_at = world.clock() - timedelta(hours=hours)
        attributes = {"asked_at": sent_at.isoformat()} if asked else {}
        world.deliver(
            world.message({"backup_id": ONE}, "m-this", sent_at=sent_at, receives=receives, attributes=attributes)
        )
        ends = [(result.outcome, result.reason) for result in world.bus.results]
        return [*ends, *(sorted(message.attributes) for message in world.queue.sent)], world.report.last("m-this")

    used, new = World(), World()
    for number, (operation, name, pause) in enumerate(history):
        other = backup_id(100 + number)
        used.cloud.has(other)
        used.cloud.answers(operation, other, answer(name))
        used.deliver(used.message({"backup_id": other}, f"m-{number}"))
        used.clock.advance(pause)
    new.clock.now = used.clock.now
    (effects, decision), (wanted, _) = run(used), run(new)
    assert effects == wanted or (effects == [] and isinstance(decision, Wait))


answers_of_others = st.lists(
    st.tuples(
        st.sampled_from([ONE, TWO, THREE]),
        st.sampled_from(
            [
                (Operation.SHOW_BACKUP, AnswerName.FOUND),
                (Operation.SHOW_BACKUP, AnswerName.GONE),
                (Operation.SHOW_BACKUP, AnswerName.UNAVAILABLE),
                (Operation.DELETE_BACKUP, AnswerName.ACCEPTED),
                (Operation.DELETE_BACKUP, AnswerName.UNAVAILABLE),
            ]
        ),
        st.sampled_from([0.0, 20.0, 61.0]),
    ),
    max_size=12,
)


@given(answers_of_others)
def test_target_health_agrees_with_a_complete_record_of_all_answers(
    answers: list[tuple[BackupId, tuple[Operation, AnswerName], float]],
) -> None:
    clock = World().clock
    health = TargetHealth(clock, 5)
    log = []
    for backup, (operation, name), pause in answers:
        health.record(backup, operation, replace(answer(name), target=VIEW))
        log.append((operation, name, clock()))
        clock.advance(pause)
    recent = [(operation, name) for operation, name, at in log if (clock() - at).total_seconds() <= 60]
    is_accepted = (Operation.DELETE_BACKUP, AnswerName.ACCEPTED) in recent
    is_good = any(name is not AnswerName.UNAVAILABLE for _, name in recent)
    # Of each call another backup asks: an answer of `concerns_only` may be remembered.
    assert health.concerns_only(backup_id(4), Operation.SHOW_BACKUP, 60) is is_good
    assert health.concerns_only(backup_id(5), Operation.DELETE_BACKUP, 60) is is_accepted


# Threads


class SlowCloud(MemoryCloud):
    """GETs of the target `slow` hang until they are released. Counts the calls in flight per target."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock)
        self.release = Event()
        self.full = Event()
        self.in_flight: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.full_at = 1
        self._lock = Lock()

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        with self._lock:
            now = self.in_flight[ref.target] = self.in_flight.get(ref.target, 0) + 1
            self.most[ref.target] = max(now, self.most.get(ref.target, 0))
            if ref.target == "slow" and now >= self.full_at:
                self.full.set()
        try:
            if ref.target == "slow":
                assert self.release.wait(PATIENCE_S)
            return super().show_backup(ref, time_left)
        finally:
            with self._lock:
                self.in_flight[ref.target] -= 1


class NoticingBus:
    """Sets an event when the first result is published."""

    def __init__(self) -> None:
        self.published = Event()

    def publish(self, results: Any) -> bool:  # noqa: ANN401  # handed on
        self.published.set()
        return True


def deleter_of(world: World, cloud: SlowCloud, calls_at_once: int, bus: Any) -> Deleter:  # noqa: ANN401  # a bus
    return world.new_environment(backups=cloud, bus=bus, calls_at_once=calls_at_once, threads=None)


@pytest.mark.parametrize("calls_at_once", [1, 5, 10])
@pytest.mark.parametrize("is_first", [True, False])
def test_nine_slow_records_of_one_target_do_not_delay_another_target(
    calls_at_once: int,
    is_first: bool,  # noqa: FBT001
) -> None:
    """The other record ends while all nine still wait for their answer, a slot or the probe."""
    world, bus = World(), NoticingBus()
    cloud = SlowCloud(world)
    deleter = deleter_of(world, cloud, calls_at_once, bus)
    slow = [
        world.second_delivery({"backup_id": backup_id(10 + number), "target": "slow"}, f"m-{number}")
        for number in range(9)
    ]
    other = world.second_delivery({"backup_id": ONE, "target": "other"}, "m-other")
    batch = [other, *slow] if is_first else [*slow, other]
    with ThreadPoolExecutor(1) as caller:
        response = caller.submit(deleter.handle, {"Records": batch}, lambda: 60.0, "i")
        ended_first = cloud.full.wait(PATIENCE_S) and bus.published.wait(PATIENCE_S)
        was_released = cloud.release.is_set()
        cloud.release.set()
        assert response.result(PATIENCE_S) == {"batchItemFailures": []}
    assert ended_first
    assert not was_released
    assert len(batch) == BATCH_LIMIT


def test_slow_records_that_outlive_their_batch_do_not_delay_another_target_in_the_next_one() -> None:
    world, bus = World(), NoticingBus()
    cloud = SlowCloud(world)
    deleter = deleter_of(world, cloud, 5, bus)
    slow = [
        world.second_delivery({"backup_id": backup_id(10 + number), "target": "slow"}, f"m-{number}")
        for number in range(9)
    ]

    def left_s() -> float:
        """The batch ends as soon as the first record hangs; each record has time to wait for a slot."""
        if current_thread() is main_thread():
            assert cloud.full.wait(PATIENCE_S)
            return 3.0
        return 60.0

    try:
        response = deleter.handle({"Records": slow}, left_s, "i")
        assert len(response["batchItemFailures"]) == 9
        other = world.second_delivery({"backup_id": ONE, "target": "other"}, "m-other")
        assert deleter.handle({"Records": [other]}, lambda: 60.0, "i") == {"batchItemFailures": []}
        assert not cloud.release.is_set()
    finally:
        cloud.release.set()


@pytest.mark.parametrize("calls_at_once", [1, 3, 10])
def test_a_target_gets_at_most_so_many_calls_at_once(calls_at_once: int) -> None:
    world, bus = World(), NoticingBus()
    cloud = SlowCloud(world)
    cloud.full_at = calls_at_once
    deleter = deleter_of(world, cloud, calls_at_once, bus)
    cloud.release.set()
    warm = world.second_delivery({"backup_id": ONE, "target": "slow"}, "m-warm")
    assert deleter.handle({"Records": [warm]}, lambda: 60.0, "i") == {"batchItemFailures": []}
    cloud.release.clear()
    cloud.full.clear()
    batch = [
        world.second_delivery({"backup_id": backup_id(10 + number), "target": "slow"}, f"m-{number}")
        for number in range(10)
    ]
    with ThreadPoolExecutor(1) as caller:
        response = caller.submit(deleter.handle, {"Records": batch}, lambda: 60.0, "i")
        is_full = cloud.full.wait(PATIENCE_S)
        cloud.release.set()
        assert response.result(PATIENCE_S) == {"batchItemFailures": []}
    assert is_full, "so many calls were in flight together"
    assert cloud.most["slow"] == calls_at_once


def test_a_record_that_gets_no_slot_in_time_waits() -> None:
    world, bus = World(), NoticingBus()
    cloud = SlowCloud(world)
    deleter = deleter_of(world, cloud, 1, bus)
    with ThreadPoolExecutor(1) as caller:
        slow = world.second_delivery({"backup_id": TWO, "target": "slow"}, "m-slow")
        response = caller.submit(deleter.handle, {"Records": [slow]}, lambda: 60.0, "i")
        assert cloud.full.wait(PATIENCE_S)
        late = world.second_delivery({"backup_id": ONE, "target": "slow"}, "m-late")
        kept = deleter.handle({"Records": [late]}, lambda: 30.0, "i")
        cloud.release.set()
        response.result(PATIENCE_S)
    assert kept == {"batchItemFailures": [{"itemIdentifier": "m-late"}]}
    assert summary(world.report.last("m-late")) == (Wait, Reason.OUT_OF_TIME)
