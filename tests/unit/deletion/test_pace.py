"""When a deletion is observed after its 202: soon at first, then in steps that grow with its age, fewer in a crowd."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest
from hypothesis import example, given, strategies as st

from tests.unit.deletion.test_endless_waits import RECEIVES_ALLOWED, TWELVE_DAYS_S, PatientWorld, waiting_for
from tests.unit.deletion.world import World, backup_id
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.decision import Wait
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.pending import LIMIT, PendingDeletions
from vbs_reaper.reasons import Reason

NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
ONE = backup_id(1)
TWO_HOURS = 7200

bases = st.integers(1, 900)
receives = st.integers(1, 1000)
jitter = st.floats(0, 1, exclude_max=True)
crowds = st.integers(0, 100_000)


@given(bases, jitter)
def test_first_look_after_a_202_comes_a_sixth_to_a_third_of_the_base_later(base_s: int, luck: float) -> None:
    assert base_s / 6 <= backoff.asked_delay_s(base_s, luck, 0) <= ceil(base_s / 3)


@given(bases, jitter, crowds)
def test_first_look_comes_later_in_a_crowd_but_as_soon_as_sqs_wants(base_s: int, luck: float, pending: int) -> None:
    wait_s = backoff.asked_delay_s(base_s, luck, pending)
    assert isinstance(wait_s, int)
    assert wait_s == min(max(backoff.asked_delay_s(base_s, luck, 0), ceil(pending * 0.2)), 900)


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


def waits(world: World, age_s: float, **record: object) -> int:
    """Deliver a request whose DELETE was accepted `age_s` ago; returns its wait."""
    world.cloud.has(ONE, status="deleting", **record)
    asked_at = (world.clock() - timedelta(seconds=age_s)).isoformat()
    attributes = {"request_id": "r", "sent_at": asked_at, "asked_at": asked_at}
    assert world.deliver(world.message({"backup_id": ONE}, "m-asked", attributes=attributes)) == ["m-asked"]
    decision = world.report.last("m-asked")
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.DELETING
    return decision.delay_s


@pytest.mark.parametrize("updated_at", [None, "2026-11-25T03:59:59", "2027-01-01T00:00:00", "2020-01-01T00:00:00"])
def test_age_of_a_deletion_counts_from_our_202_whatever_the_cloud_says(updated_at: str | None) -> None:
    assert waits(World(), 1200.0, updated_at=updated_at) == 300  # the jitter is in the middle: a quarter of the age


def test_age_of_a_deletion_that_was_not_asked_for_counts_from_its_last_change() -> None:
    world = World()
    world.cloud.has(ONE, status="deleting", updated_at=(world.clock() - timedelta(seconds=400)).isoformat())
    world.deliver(world.message({"backup_id": ONE}))
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert decision.delay_s == 100


def test_age_of_a_deletion_whose_answer_was_lost_counts_from_its_delete() -> None:
    world = World()
    world.cloud.has(ONE, status="deleting", updated_at=None)
    sent_at = (world.clock() - timedelta(seconds=400)).isoformat()
    attributes = {"request_id": "r", "sent_at": sent_at, "unanswered_at": sent_at}
    world.deliver(world.message({"backup_id": ONE}, attributes=attributes))
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert decision.delay_s == 100


def pends(world: World, count: int, target: str = "default") -> None:
    """Have the environment see deletions that are pending: it observes each again 100 seconds later or more."""
    for number in range(1000, 1000 + count):
        since = (world.clock() - timedelta(seconds=400)).isoformat()
        world.cloud.has(backup_id(number), status="deleting", updated_at=since)
        world.deliver(world.message({"backup_id": backup_id(number), "target": target}, f"m-{number}"))


def test_pending_deletions_of_the_target_slow_down_each_other() -> None:
    world = World()
    pends(world, 200)
    assert waits(world, 60.0) == 40


def test_pending_deletions_of_another_target_slow_down_nothing() -> None:
    world = World()
    pends(world, 200, "otc-prod")
    assert waits(world, 60.0) == 15


def test_accepted_deletions_are_pending_and_slow_down_each_other() -> None:
    world = World()
    for number in range(1000, 1200):
        world.cloud.has(backup_id(number))
        world.deliver(world.message({"backup_id": backup_id(number)}, f"m-{number}"))
    delays_s = [message.delay_s for message in world.queue.sent]
    assert delays_s[:76] == [15] * 76
    assert delays_s[76:] == [ceil(pending * 0.2) for pending in range(76, 200)]
    assert waits(world, 60.0) == 40


def test_deletions_that_are_due_are_not_pending_any_more() -> None:
    world = World()
    pends(world, 200)
    world.clock.advance(99)
    assert waits(world, 60.0) == 40
    world.clock.advance(1)
    assert waits(world, 60.0) == 15


def test_requests_that_wait_for_another_reason_are_not_pending() -> None:
    world = World()
    for number in range(1000, 1200):
        world.cloud.has(backup_id(number), status="creating")
        world.deliver(world.message({"backup_id": backup_id(number)}, f"m-{number}"))
    assert waits(world, 60.0) == 15


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
    world = World()
    world.cloud.has(ONE)
    asked_at = (world.clock() - timedelta(hours=5)).isoformat()
    attributes = {"request_id": "r", "sent_at": asked_at, "asked_at": asked_at}
    world.deliver(world.message({"backup_id": ONE}, attributes=attributes, receives=3))
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert (decision.reason, decision.delay_s) == (Reason.ACCEPTED, backoff.wait_s(3, 60, 0.5))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("updated", ["never", "always"])
def test_accepted_deletion_that_never_ends_is_received_few_times_in_twelve_days(seed: int, updated: str) -> None:
    world = PatientWorld(seed, environments=2)
    world.cloud.deletion_s = 1e9
    world.cloud.has(ONE)
    waiting_for(world)

    def touch() -> None:
        if updated == "always" and world.cloud.deleted:
            world.cloud.has(ONE, status="deleting", updated_at=world.clock().isoformat())

    world.run(TWELVE_DAYS_S - 1, touch)
    assert world.waiting == 1
    assert world.most_receives() <= 240 < RECEIVES_ALLOWED


def test_deletion_of_half_an_hour_is_proven_within_a_third_of_its_duration() -> None:
    for seed in range(20):
        world = PatientWorld(seed)
        world.cloud.deletion_s = 1800
        world.cloud.has(ONE)
        waiting_for(world)
        asked_s = world.elapsed_s
        world.run(3 * 3600.0)
        assert world.bus.results
        assert world.cloud.calls[-1] == ("show", ONE)
        assert world.cloud.calls.count(("show", ONE)) <= 28
        proven_s = (world.bus.results[0].proof.at - world.start).total_seconds()  # type: ignore[union-attr,operator]
        assert 1800 <= proven_s - asked_s <= 1800 * 4 / 3 + 2


def test_many_pending_deletions_are_observed_at_most_300_times_a_minute_by_each_environment() -> None:
    world = PatientWorld(1, environments=2)
    world.cloud.deletion_s = 1e9
    for number in range(1000):
        world.cloud.has(backup_id(number))
        world.put(NewMessage(body=f'{{"backup_id": "{backup_id(number)}"}}'))
    world.run(60.0)
    before = len(world.cloud.calls)
    world.run(600.0)
    assert 0 < len(world.cloud.calls) - before <= 9 * 2 * 300
    assert world.report.failures == []
