"""When a deletion is observed after its 202: soon at first, then in steps that grow with its age, fewer in a crowd."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from math import ceil

import pytest
from hypothesis import example, given, strategies as st

from tests.support.doubles import ManualClock
from tests.unit.deletion.queue_world import RECEIVES_ALLOWED, TWELVE_DAYS_S, QueueWorld
from tests.unit.deletion.test_backoff import TWO_HOURS, bases, jitter, receives
from tests.unit.deletion.world import ASKED, ONE, World, ask, backup_id
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.decision import Wait
from vbs_reaper.deletion.pending import LIMIT, PendingDeletions

NOW = ManualClock().now
crowds = st.integers(0, 100_000)


@given(bases, jitter)
def test_first_look_after_a_202_comes_a_sixth_to_a_third_of_the_base_later(base_s: int, luck: float) -> None:
    assert base_s / 6 <= backoff.asked_delay_s(base_s, luck, 0) <= ceil(base_s / 3)


@given(bases, jitter, crowds)
def test_first_look_comes_later_in_a_crowd_but_as_soon_as_sqs_wants(base_s: int, luck: float, pending: int) -> None:
    wait_s = backoff.asked_delay_s(base_s, luck, pending)
    assert isinstance(wait_s, int)
    assert wait_s == min(max(backoff.asked_delay_s(base_s, luck, 0), ceil(pending * 0.2)), 900)
    assert backoff.asked_delay_s(3600, luck, 0) <= 900


@given(st.floats(0, 1e7), st.integers(1, 150), bases, jitter)
@example(1e7, 150, 900, 0.999)
def test_further_looks_come_a_sixth_to_a_third_of_the_age_later(
    age_s: float, receive_count: int, base_s: int, luck: float
) -> None:
    since = NOW - timedelta(seconds=age_s)
    third = min(max((NOW - since).total_seconds(), base_s) / 3, TWO_HOURS)
    assert third / 2 <= backoff.deleting_wait_s(since, NOW, receive_count, base_s, luck, 0) <= ceil(third)


@given(st.floats(0, 1e7), st.integers(151, 1000), bases, jitter)
def test_pace_is_exponential_from_receive_151_on(age_s: float, receive_count: int, base_s: int, luck: float) -> None:
    since = NOW - timedelta(seconds=age_s)
    wait_s = backoff.deleting_wait_s(since, NOW, receive_count, base_s, luck, 0)
    assert wait_s == backoff.wait_s(receive_count, base_s, luck)


@pytest.mark.parametrize("since", [None, NOW + timedelta(seconds=1), NOW + timedelta(days=9)])
def test_pace_is_exponential_if_the_start_of_the_deletion_is_unknown(since: datetime | None) -> None:
    assert backoff.deleting_wait_s(since, NOW, 3, 60, 0.25, 0) == backoff.wait_s(3, 60, 0.25)


@given(st.none() | st.floats(-1e6, 1e7), receives, bases, jitter, crowds)
def test_each_pending_deletion_adds_a_fifth_of_a_second_to_the_shortest_wait(
    age_s: float | None, receive_count: int, base_s: int, luck: float, pending: int
) -> None:
    since = None if age_s is None else NOW - timedelta(seconds=age_s)
    alone_s = backoff.deleting_wait_s(since, NOW, receive_count, base_s, luck, 0)
    wait_s = backoff.deleting_wait_s(since, NOW, receive_count, base_s, luck, pending)
    assert isinstance(wait_s, int)
    assert wait_s == max(alone_s, min(ceil(pending * 0.2), TWO_HOURS))


def delay_s(world: World) -> int:
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    return decision.delay_s


def wait_of(world: World, age_s: float, mark: str = "asked_at", **record: object) -> int:
    """Deliver a request that sent its DELETE `age_s` seconds ago; return its wait."""
    world.cloud.has(ONE, status="deleting", **record)
    sent_at = (world.clock() - timedelta(seconds=age_s)).isoformat()
    assert world.process(ask(ONE), attributes={"sent_at": sent_at, mark: sent_at}) == "wait deleting"
    return delay_s(world)


@pytest.mark.parametrize("updated_at", [None, "2026-11-25T03:59:59", "2027-01-01T00:00:00", "2020-01-01T00:00:00"])
def test_age_of_a_deletion_counts_from_our_202_whatever_the_cloud_says(updated_at: str | None) -> None:
    assert wait_of(World(), 1200.0, updated_at=updated_at) == 300  # the jitter is in the middle: a quarter of the age


def test_age_of_a_deletion_with_a_lost_answer_counts_from_its_delete() -> None:
    assert wait_of(World(), 400.0, "unanswered_at", updated_at=None) == 100


def test_age_of_a_deletion_that_was_not_asked_for_counts_from_its_last_change() -> None:
    world = World()
    world.cloud.has(ONE, status="deleting", updated_at=(world.clock() - timedelta(seconds=400)).isoformat())
    world.process(ask(ONE))
    assert delay_s(world) == 100


def process_200(world: World, target: str = "default", **record: object) -> None:
    """Have the environment see deletions: one that is pending is observed again 100 seconds later or more."""
    since = (world.clock() - timedelta(seconds=400)).isoformat()
    for number in range(1000, 1200):
        world.cloud.has(backup_id(number), updated_at=since, **record)
        world.process(ask(backup_id(number), target=target))


@pytest.mark.parametrize(
    ("target", "status", "wait_s"),
    [
        ("default", "deleting", 40),
        ("default", "available", 40),  # accepted now
        ("default", "creating", 15),  # not pending
        ("otc-prod", "deleting", 15),
    ],
)
def test_pending_deletions_of_a_target_slow_down_each_other(target: str, status: str, wait_s: int) -> None:
    world = World()
    process_200(world, target, status=status)
    assert wait_of(world, 60.0) == wait_s


def test_accepted_deletions_slow_down_the_next_ones() -> None:
    world = World()
    process_200(world)
    delays_s = [message.delay_s for message in world.queue.sent]
    assert delays_s == [15] * 76 + [ceil(pending * 0.2) for pending in range(76, 200)]


def test_deletions_that_are_due_are_not_pending_any_more() -> None:
    world = World()
    process_200(world, status="deleting")
    world.clock.advance(99)
    assert wait_of(world, 60.0) == 40
    world.clock.advance(1)
    assert wait_of(world, 60.0) == 15


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(0, 50))))
def test_pending_deletions_are_those_that_are_not_due(steps: list[tuple[int, int]]) -> None:
    pending = PendingDeletions()
    now, added = NOW, []
    for delay_s, passed_s in steps:
        added.append(now + timedelta(seconds=delay_s))
        pending.add(added[-1])
        now += timedelta(seconds=passed_s)
        assert pending.count(now) == sum(due > now for due in added)


def test_pending_deletions_use_bounded_memory_and_count_up_to_the_longest_wait() -> None:
    pending = PendingDeletions()
    for number in range(LIMIT + 10):
        pending.add(NOW + timedelta(seconds=number))
    assert pending.count(NOW) == LIMIT == TWO_HOURS / 0.2


def test_pending_deletions_may_be_counted_and_added_by_all_threads_at_once() -> None:
    pending = PendingDeletions()

    def come_and_go() -> None:
        for number in range(2000):
            pending.add(NOW + timedelta(seconds=number % 3 - 1))
            pending.count(NOW)

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(come_and_go) for _ in range(8)]:
            done.result()
    assert pending.count(NOW) == 8 * 666


def test_a_deletion_that_is_accepted_again_keeps_the_ordinary_backoff() -> None:
    world = World(ONE)
    assert world.process(ask(ONE), attributes=ASKED, receives=3) == "wait accepted"
    assert delay_s(world) == backoff.wait_s(3, 60, 0.5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("is_touched", [False, True])
def test_accepted_deletion_that_never_ends_is_received_few_times_in_twelve_days(seed: int, is_touched: bool) -> None:  # noqa: FBT001
    world = QueueWorld(ONE, seed=seed, environments=2)
    world.cloud.deletion_s = 1e9
    world.request()

    def touch() -> None:
        if is_touched and world.cloud.deleted:
            world.cloud.has(ONE, status="deleting", updated_at=world.clock().isoformat())

    world.run(TWELVE_DAYS_S - 1, touch)
    assert world.waiting == 1
    assert world.most_receives <= 240 < RECEIVES_ALLOWED


@pytest.mark.parametrize("seed", range(20))
def test_deletion_of_half_an_hour_is_proven_within_a_third_of_its_duration(seed: int) -> None:
    world = QueueWorld(ONE, seed=seed)
    world.cloud.deletion_s = 1800
    world.request()
    world.run(1800 * 4 / 3 + 2)
    assert world.ends == ["deleted deleted"]
    assert len(world.called("show")) <= 28


def test_many_pending_deletions_are_observed_at_most_300_times_a_minute_by_each_environment() -> None:
    world = QueueWorld(*[backup_id(number) for number in range(1000)], seed=1, environments=2)
    world.cloud.deletion_s = 1e9
    for number in range(1000):
        world.request(backup_id(number))
    world.run(60.0)
    before = len(world.cloud.calls)
    world.run(600.0)
    assert 0 < len(world.cloud.calls) - before <= 9 * 2 * 300
    assert world.report.failures == []
