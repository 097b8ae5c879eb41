"""Who may ask a target, with real threads: they meet at barriers and events, never at a wall clock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.doubles import ManualClock
from vbs_reaper.deletion.gate import Admission
from vbs_reaper.deletion.gate import Gate
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.verdict.decision import Halt

PATIENCE_S = 10.0


def halt(remember_s: float = 60.0) -> Halt:
    return Halt(reason=Reason.SERVICE_DOWN, delay_s=60, remember_s=remember_s, message="down")


def has_time() -> bool:
    return True


@pytest.fixture
def gate(clock: ManualClock) -> Gate:
    return Gate(clock)


class Knock:
    """Somebody at the gate, in a thread of their own."""

    def __init__(self, pool: ThreadPoolExecutor, gate: Gate) -> None:
        self._asked = Event()
        self._again = Event()
        self.may_go_on = Event()
        self.may_go_on.set()
        self.answer = pool.submit(gate.enter, self._has_time)

    def _has_time(self) -> bool:
        """Asked whenever the gate did not answer at once: the second question proves that it makes this one wait."""
        if self._asked.is_set():
            self._again.set()
        self._asked.set()
        return self.may_go_on.is_set()

    def is_made_to_wait(self) -> bool:
        return self._again.wait(PATIENCE_S) and not self.answer.done()


def with_threads(gate: Gate, act: Callable[[ThreadPoolExecutor], None]) -> None:
    with ThreadPoolExecutor(6) as pool:
        act(pool)


def test_in_a_new_environment_one_goes_alone_and_the_others_wait_for_its_look(gate: Gate) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        assert gate.enter(has_time) is Admission.ALONE
        others = [Knock(pool, gate) for _ in range(4)]
        assert all(other.is_made_to_wait() for other in others)
        gate.looked()
        assert {other.answer.result(PATIENCE_S) for other in others} == {Admission.ENTER}

    with_threads(gate, act)


def test_when_the_one_that_went_alone_halts_the_others_are_turned_away(gate: Gate) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        gate.enter(has_time)
        others = [Knock(pool, gate) for _ in range(4)]
        assert all(other.is_made_to_wait() for other in others)
        gate.halt(halt(), at_delete=False)
        assert {other.answer.result(PATIENCE_S) for other in others} == {Admission.HALTED}

    with_threads(gate, act)


def test_when_the_one_that_went_alone_breaks_off_the_next_goes_alone(gate: Gate) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        gate.enter(has_time)
        other = Knock(pool, gate)
        assert other.is_made_to_wait()
        gate.left()
        assert other.answer.result(PATIENCE_S) is Admission.ALONE

    with_threads(gate, act)


def test_who_waits_for_the_first_look_gives_up_when_its_time_is_over(gate: Gate) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        gate.enter(has_time)
        other = Knock(pool, gate)
        assert other.is_made_to_wait()
        other.may_go_on.clear()
        assert other.answer.result(PATIENCE_S) is Admission.OUT_OF_TIME

    with_threads(gate, act)


def test_nobody_enters_until_a_halt_is_over_and_then_one_goes_alone(gate: Gate, clock: ManualClock) -> None:
    gate.enter(has_time)
    gate.looked()
    gate.halt(halt(60), at_delete=False)
    clock.advance(59.9)
    assert gate.enter(has_time) is Admission.HALTED
    clock.advance(0.1)
    assert gate.enter(has_time) is Admission.ALONE
    assert gate.enter(_once()) is Admission.OUT_OF_TIME


def test_of_several_halts_the_one_that_lasts_longest_counts(gate: Gate, clock: ManualClock) -> None:
    gate.enter(has_time)
    gate.halt(halt(600), at_delete=False)
    gate.halt(halt(60), at_delete=False)
    clock.advance(599)
    assert gate.enter(has_time) is Admission.HALTED


def test_a_look_that_was_on_its_way_does_not_undo_a_halt(gate: Gate) -> None:
    gate.enter(has_time)
    gate.looked()
    gate.halt(halt(), at_delete=False)
    gate.looked()
    gate.passed()
    assert gate.enter(has_time) is Admission.HALTED


def test_after_a_delete_that_halted_a_look_is_not_enough_to_let_the_others_in(gate: Gate, clock: ManualClock) -> None:
    gate.enter(has_time)
    gate.looked()
    gate.halt(halt(), at_delete=True)
    clock.advance(60)
    assert gate.enter(has_time) is Admission.ALONE
    gate.looked()
    assert gate.enter(_once()) is Admission.OUT_OF_TIME
    gate.passed()
    assert gate.enter(has_time) is Admission.ENTER


def test_a_look_that_halts_beside_it_does_not_make_it_forget_the_delete_that_did(
    gate: Gate, clock: ManualClock
) -> None:
    gate.enter(has_time)
    gate.halt(halt(), at_delete=True)
    gate.halt(halt(), at_delete=False)
    clock.advance(60)
    gate.enter(has_time)
    gate.looked()
    assert gate.enter(_once()) is Admission.OUT_OF_TIME


def test_of_many_at_once_exactly_one_goes_alone(clock: ManualClock) -> None:
    for _ in range(50):
        gate = Gate(clock)
        with ThreadPoolExecutor(5) as pool:
            admissions = list(pool.map(lambda _, gate=gate: _enter_and_look(gate), range(20)))
        assert admissions.count(Admission.ALONE) == 1
        assert admissions.count(Admission.ENTER) == 19


def _enter_and_look(gate: Gate) -> Admission:
    admission = gate.enter(has_time)
    if admission is Admission.ALONE:
        gate.looked()
    return admission


def _once() -> Callable[[], bool]:
    """Has time for the first question and no more."""
    answers = iter([True])
    return lambda: next(answers, False)
