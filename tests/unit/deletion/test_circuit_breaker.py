"""One circuit breaker, with real threads. They meet at events, never at a wall clock."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
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


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(6) as pool:
        yield pool


class Waiter:
    """Asks for admission in its own thread."""

    def __init__(self, pool: ThreadPoolExecutor, breaker: CircuitBreaker) -> None:
        self._asked = Event()
        self._asked_again = Event()
        self.may_continue = Event()
        self.may_continue.set()
        self.admission = pool.submit(breaker.acquire, self._has_time)

    def _has_time(self) -> bool:
        """The breaker asks this before it blocks: a second question proves that the first one led to a wait."""
        if self._asked.is_set():
            self._asked_again.set()
        self._asked.set()
        return self.may_continue.is_set()

    def is_blocked(self) -> bool:
        return self._asked_again.wait(PATIENCE_S) and not self.admission.done()


@pytest.fixture
def others(breaker: CircuitBreaker, pool: ThreadPoolExecutor) -> list[Waiter]:
    """Four records that wait for the one that probes."""
    assert breaker.acquire(has_time) is Admission.PROBE
    others = [Waiter(pool, breaker) for _ in range(4)]
    assert all(other.is_blocked() for other in others)
    return others


def admissions(others: list[Waiter]) -> set[Admission]:
    return {other.admission.result(PATIENCE_S) for other in others}


def test_in_a_new_environment_one_record_probes_and_the_others_wait_for_it(
    breaker: CircuitBreaker, others: list[Waiter]
) -> None:
    breaker.succeeded()
    assert admissions(others) == {Admission.ALLOWED}


def test_if_the_probe_halts_the_others_are_turned_away(breaker: CircuitBreaker, others: list[Waiter]) -> None:
    breaker.halt(halt())
    assert admissions(others) == {Admission.HALTED}


def test_if_the_probe_ends_without_a_verdict_the_next_record_probes(
    breaker: CircuitBreaker, others: list[Waiter]
) -> None:
    breaker.release_probe()
    first = next(as_completed([other.admission for other in others], PATIENCE_S))
    assert first.result() is Admission.PROBE
    breaker.succeeded()
    assert admissions(others) == {Admission.PROBE, Admission.ALLOWED}


def test_a_record_that_waits_for_the_probe_stops_when_its_time_is_over(others: list[Waiter]) -> None:
    for other in others:
        other.may_continue.clear()
    assert admissions(others) == {Admission.OUT_OF_TIME}


def test_a_breaker_that_starts_closed_allows_all_at_once_and_probes_after_a_halt(clock: ManualClock) -> None:
    breaker = CircuitBreaker(clock, is_closed=True)
    assert {breaker.acquire(has_time) for _ in range(10)} == {Admission.ALLOWED}
    breaker.halt(halt(60))
    clock.advance(60)
    assert breaker.acquire(has_time) is Admission.PROBE


def test_no_record_is_admitted_until_a_halt_is_over_and_then_one_probes(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    breaker.acquire(has_time)
    breaker.succeeded()
    breaker.halt(halt(60))
    clock.advance(59.9)
    assert breaker.acquire(has_time) is Admission.HALTED
    clock.advance(0.1)
    assert breaker.acquire(has_time) is Admission.PROBE
    has_time_once = iter([True])
    assert breaker.acquire(lambda: next(has_time_once, False)) is Admission.OUT_OF_TIME


def test_of_several_halts_the_one_that_lasts_longest_counts(breaker: CircuitBreaker, clock: ManualClock) -> None:
    breaker.acquire(has_time)
    breaker.halt(halt(600))
    breaker.halt(halt(60))
    clock.advance(599)
    assert breaker.acquire(has_time) is Admission.HALTED


def test_a_good_answer_to_an_earlier_call_does_not_undo_a_halt(breaker: CircuitBreaker) -> None:
    breaker.acquire(has_time)
    breaker.succeeded()
    breaker.halt(halt())
    breaker.succeeded()
    assert breaker.acquire(has_time) is Admission.HALTED


@pytest.mark.parametrize("remember_s", [60.0, 3600.0])
def test_a_clock_that_is_set_back_does_not_prolong_a_halt_by_more_than_its_length(
    breaker: CircuitBreaker, clock: ManualClock, remember_s: float
) -> None:
    breaker.halt(halt(remember_s))
    clock.advance(-remember_s)
    assert breaker.acquire(has_time) is Admission.HALTED
    clock.advance(-0.001)
    assert breaker.halted_for_s() == 0
    assert breaker.acquire(has_time) is Admission.PROBE
    breaker.halt(halt())
    assert breaker.halted_for_s() == 60


def test_of_many_records_at_once_exactly_one_probes(clock: ManualClock) -> None:
    for _ in range(50):
        breaker = CircuitBreaker(clock)
        with ThreadPoolExecutor(5) as pool:
            admissions = list(pool.map(lambda _, breaker=breaker: _acquire_and_succeed(breaker), range(20)))
        assert admissions.count(Admission.PROBE) == 1
        assert admissions.count(Admission.ALLOWED) == 19


def _acquire_and_succeed(breaker: CircuitBreaker) -> Admission:
    admission = breaker.acquire(has_time)
    if admission is Admission.PROBE:
        breaker.succeeded()
    return admission
