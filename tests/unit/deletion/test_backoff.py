from datetime import UTC, datetime, timedelta
from math import ceil

import pytest
from hypothesis import example, given, strategies as st

from vbs_reaper.deletion import backoff

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
TWO_HOURS = 7200
LONGEST = 12 * 3600 - 1200 - 60

bases = st.integers(1, 900)
receives = st.integers(1, 1000)
jitter = st.floats(0, 1, exclude_max=True)


def exponential(receive_count: int, base_s: int) -> float:
    return min(base_s * 2.0 ** (receive_count - 1), TWO_HOURS)


@given(receives, bases, jitter)
def test_a_wait_is_half_to_all_of_the_doubled_base(receive_count: int, base_s: int, luck: float) -> None:
    longest = exponential(receive_count, base_s)
    wait_s = backoff.wait_s(receive_count, base_s, luck)
    assert isinstance(wait_s, int)
    assert max(1, longest / 2) <= wait_s <= longest <= LONGEST


@given(receives, bases, jitter, st.floats(1, 3600))
def test_a_retry_after_is_waited_for_and_not_much_longer(
    receive_count: int, base_s: int, luck: float, retry_after_s: float
) -> None:
    longest = max(exponential(receive_count, base_s), 1.5 * retry_after_s)
    shortest = max(exponential(receive_count, base_s) / 2, retry_after_s)
    wait_s = backoff.wait_s(receive_count, base_s, luck, retry_after_s)
    assert isinstance(wait_s, int)
    assert max(1, shortest) <= wait_s <= min(ceil(longest), LONGEST)


@given(st.floats(0, 2000), bases, jitter)
def test_a_404_is_confirmed_within_half_a_base_after_a_base_since_the_first_receive(
    waited_s: float, base_s: int, luck: float
) -> None:
    exact = max(base_s - waited_s, base_s / 2) + luck * base_s / 2
    assert exact - 1e-6 <= backoff.confirmation_delay_s(waited_s, base_s, luck) <= max(1, exact + 1)


@example(newer=1, receive_count=150, base_s=1, luck=0.0)
@given(st.integers(0, 5000), receives, bases, jitter)
def test_each_newer_backup_is_given_one_base(newer: int, receive_count: int, base_s: int, luck: float) -> None:
    longest = min(max(newer, 1) * base_s, TWO_HOURS) if receive_count <= 150 else exponential(receive_count, base_s)
    assert longest / 2 <= backoff.dependents_wait_s(newer, receive_count, base_s, luck) <= longest


@pytest.mark.parametrize(("receive_count", "wait_s"), [(150, 10), (151, 3600)])
def test_a_deletion_has_its_own_time_scale_for_150_receives(receive_count: int, wait_s: int) -> None:
    assert backoff.deleting_wait_s(NOW - timedelta(seconds=60), NOW, receive_count, 60, 0.0, 0) == wait_s


@given(st.floats(-1e6, 1e7))
def test_waiting_until_a_moment_never_ends_before_it_nor_beyond_what_sqs_hides(ahead_s: float) -> None:
    wait_s = backoff.until_s(NOW + timedelta(seconds=ahead_s), NOW)
    assert 1 <= wait_s <= LONGEST
    assert wait_s >= min(ahead_s, LONGEST) - 1e-6
    assert wait_s <= max(1, ahead_s + 1)
