"""The figures behind the table of costs."""

from random import Random

import pytest

from tests.benchmarks.money import INSTANCE_MONTH, MONTH_DAYS, TAKES, breaks_even, ours
from tests.benchmarks.pace import alone, watch


@pytest.mark.parametrize("name", TAKES)
def test_gets_of_a_deletion_are_those_of_the_waits_as_built(name: str) -> None:
    takes_s, looks = TAKES[name]
    assert watch(alone(takes_s, Random(3)), Random(4)).looks == pytest.approx(looks, rel=0.05)


@pytest.mark.parametrize("looks", [1.0, 2.7, 19.4])
def test_instance_costs_as_much_as_the_deletions_at_which_it_breaks_even(looks: float) -> None:
    assert ours(looks).of(breaks_even(looks) * MONTH_DAYS).total == pytest.approx(INSTANCE_MONTH, rel=0.05)


@pytest.mark.parametrize("looks", [1.0, 2.7, 19.4])
def test_ten_calls_at_once_save_less_than_a_tenth(looks: float) -> None:
    assert 0.9 < ours(looks, calls_at_once=10).total / ours(looks).total < 1
