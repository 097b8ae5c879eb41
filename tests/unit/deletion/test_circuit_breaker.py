"""Who may ask a target, with real threads: they meet at barriers and events, never at a wall clock."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.support.doubles import ManualClock
from vbs_reaper.deletion.circuit_breaker import Admission, CircuitBreaker
from vbs_reaper.deletion.decision import Halt
from vbs_reaper.reasons import Reason

PATIENCE_S = 10.0


def halt(remember_s: float = 60.0) -> Halt:
    return Halt(reason=Reason.SERVICE_DOWN, delay_s=60, remember_s=remember_s, message="down")


def has_time() -> bool:
    return True


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker(clock)


class Knock:
    """Somebody at the breaker, in a thread of their own."""

    def __init__(self, pool: ThreadPoolExecutor, breaker: CircuitBreaker) -> None:
        self._asked = Event()
        self._again = Event()
        self.may_go_on = Event()
        self.may_go_on.set()
        self.answer = pool.submit(breaker.acquire, self._has_time)

    def _has_time(self) -> bool:
        """Asked whenever the breaker did not answer at once: the second question proves that it makes this one wait."""
        if self._asked.is_set():
            self._again.set()
        self._asked.set()
        return self.may_go_on.is_set()

    def is_made_to_wait(self) -> bool:
        return self._again.wait(PATIENCE_S) and not self.answer.done()


def with_threads(breaker: CircuitBreaker, act: Callable[[ThreadPoolExecutor], None]) -> None:
    with ThreadPoolExecutor(6) as pool:
        act(pool)


def test_in_a_new_environment_one_goes_alone_and_the_others_wait_for_its_look(breaker: CircuitBreaker) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        assert breaker.acquire(has_time) is Admission.PROBE
        others = [Knock(pool, breaker) for _ in range(4)]
        assert all(other.is_made_to_wait() for other in others)
        breaker.observed()
        assert {other.answer.result(PATIENCE_S) for other in others} == {Admission.ALLOWED}

    with_threads(breaker, act)


def test_when_the_one_that_went_alone_halts_the_others_are_turned_away(breaker: CircuitBreaker) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        breaker.acquire(has_time)
        others = [Knock(pool, breaker) for _ in range(4)]
        assert all(other.is_made_to_wait() for other in others)
        breaker.halt(halt(), by_delete=False)
        assert {other.answer.result(PATIENCE_S) for other in others} == {Admission.HALTED}

    with_threads(breaker, act)


def test_when_the_one_that_went_alone_breaks_off_the_next_goes_alone(breaker: CircuitBreaker) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        breaker.acquire(has_time)
        other = Knock(pool, breaker)
        assert other.is_made_to_wait()
        breaker.release_probe()
        assert other.answer.result(PATIENCE_S) is Admission.PROBE

    with_threads(breaker, act)


def test_who_waits_for_the_first_look_gives_up_when_its_time_is_over(breaker: CircuitBreaker) -> None:
    def act(pool: ThreadPoolExecutor) -> None:
        breaker.acquire(has_time)
        other = Knock(pool, breaker)
        assert other.is_made_to_wait()
        other.may_go_on.clear()
        assert other.answer.result(PATIENCE_S) is Admission.OUT_OF_TIME

    with_threads(breaker, act)


def test_nobody_enters_until_a_halt_is_over_and_then_one_goes_alone(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    breaker.acquire(has_time)
    breaker.observed()
    breaker.halt(halt(60), by_delete=False)
    clock.advance(59.9)
    assert breaker.acquire(has_time) is Admission.HALTED
    clock.advance(0.1)
    assert breaker.acquire(has_time) is Admission.PROBE
    assert breaker.acquire(_once()) is Admission.OUT_OF_TIME


def test_of_several_halts_the_one_that_lasts_longest_counts(breaker: CircuitBreaker, clock: ManualClock) -> None:
    breaker.acquire(has_time)
    breaker.halt(halt(600), by_delete=False)
    breaker.halt(halt(60), by_delete=False)
    clock.advance(599)
    assert breaker.acquire(has_time) is Admission.HALTED


def test_a_look_that_was_on_its_way_does_not_undo_a_halt(breaker: CircuitBreaker) -> None:
    breaker.acquire(has_time)
    breaker.observed()
    breaker.halt(halt(), by_delete=False)
    breaker.observed()
    breaker.succeeded()
    assert breaker.acquire(has_time) is Admission.HALTED


def test_after_a_delete_that_halted_a_look_is_not_enough_to_let_the_others_in(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    breaker.acquire(has_time)
    breaker.observed()
    breaker.halt(halt(), by_delete=True)
    clock.advance(60)
    assert breaker.acquire(has_time) is Admission.PROBE
    breaker.observed()
    assert breaker.acquire(_once()) is Admission.OUT_OF_TIME
    breaker.succeeded()
    assert breaker.acquire(has_time) is Admission.ALLOWED


def test_a_look_that_halts_beside_it_does_not_make_it_forget_the_delete_that_did(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    breaker.acquire(has_time)
    breaker.halt(halt(), by_delete=True)
    breaker.halt(halt(), by_delete=False)
    clock.advance(60)
    breaker.acquire(has_time)
    breaker.observed()
    assert breaker.acquire(_once()) is Admission.OUT_OF_TIME


def test_of_many_at_once_exactly_one_goes_alone(clock: ManualClock) -> None:
    for _ in range(50):
        breaker = CircuitBreaker(clock)
        with ThreadPoolExecutor(5) as pool:
            admissions = list(pool.map(lambda _, breaker=breaker: _enter_and_look(breaker), range(20)))
        assert admissions.count(Admission.PROBE) == 1
        assert admissions.count(Admission.ALLOWED) == 19


def _enter_and_look(breaker: CircuitBreaker) -> Admission:
    admission = breaker.acquire(has_time)
    if admission is Admission.PROBE:
        breaker.observed()
    return admission


def _once() -> Callable[[], bool]:
    """Has time for the first question and no more."""
    answers = iter([True])
    return lambda: next(answers, False)
