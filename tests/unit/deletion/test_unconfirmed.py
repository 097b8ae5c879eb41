"""A proven 404 of a backup that the request has never observed or requested must be confirmed by a later delivery."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.world import ASKED, OLD, ONE, UNANSWERED, World, ask
from vbs_reaper.deletion.decision import Wait

REQUEST = ask(ONE)
UNCONFIRMED, GONE = "wait unconfirmed", "already_gone"


@pytest.mark.parametrize(
    ("since_first_s", "receives", "age", "decision"),
    [
        (0, 1, timedelta(), UNCONFIRMED),
        (0, 2, timedelta(), UNCONFIRMED),
        (59.9, 2, timedelta(seconds=59.9), UNCONFIRMED),
        (60, 2, timedelta(seconds=60), GONE),
        (60, 1, timedelta(seconds=60), UNCONFIRMED),
        (3600, 1, timedelta(seconds=3600), UNCONFIRMED),
        (3600, 9, timedelta(seconds=3600), GONE),
        (0, 2, timedelta(days=1), UNCONFIRMED),  # the time in the queue does not count
        (0, 5, OLD - timedelta(seconds=1), UNCONFIRMED),
        (0, 1, OLD, GONE),
        (0, 5, OLD, GONE),
    ],
)
def test_it_takes_a_second_receive_and_one_base_since_the_first_or_twelve_days(
    since_first_s: float, receives: int, age: timedelta, decision: str
) -> None:
    world = World()
    first = world.clock() - timedelta(seconds=since_first_s)
    assert world.process(REQUEST, receives=receives, first_received_at=first, age=age) == decision
    assert len(world.ends) == (decision == GONE)
    assert world.letters == []


@pytest.mark.parametrize("mark", [ASKED, UNANSWERED])
def test_what_this_request_has_asked_for_needs_no_confirmation(mark: dict[str, str]) -> None:
    assert World().process(REQUEST, attributes=mark) == "deleted"


def test_a_message_without_a_first_receive_time_is_not_confirmed_and_ends_after_twelve_days() -> None:
    world = World()
    record = world.message(REQUEST, receives=50, age=timedelta(days=11))
    del record["attributes"]["ApproximateFirstReceiveTimestamp"]
    assert world.deliver(record) == ["m-1"]
    world.clock.advance(86_400)
    assert world.deliver(record) == []
    assert world.decision() == GONE


def test_a_backup_that_appears_before_the_second_delivery_is_deleted() -> None:
    """A stale replica answered first."""
    world = World()
    first = world.clock()
    assert world.process(REQUEST) == UNCONFIRMED
    world.cloud.has(ONE)
    world.clock.advance(world.queue.hidden["receipt-of-m-1"])
    assert world.process(REQUEST, receives=2, age=world.clock() - first) == "asked"


@given(
    sent_ago_s=st.floats(0, 12.4 * 86_400),
    first_share=st.floats(-0.1, 1),
    receives=st.integers(1, 979),
    base_s=st.sampled_from([1, 60, 900]),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_already_gone_is_never_reported_of_an_unknown_backup_without_confirmation(
    sent_ago_s: float, first_share: float, receives: int, base_s: int, jitter: float
) -> None:
    world = World(base_s=base_s)
    world.deleter = world.new_environment(jitter=lambda: jitter)
    since_first_s = sent_ago_s * first_share
    first = world.clock() - timedelta(seconds=since_first_s)
    age = timedelta(seconds=sent_ago_s)
    outcome = world.process(REQUEST, receives=receives, first_received_at=first, age=age)
    if outcome == GONE:
        assert (receives > 1 and since_first_s >= base_s - 0.002) or sent_ago_s >= 12 * 86_400 - 0.002
        return
    assert outcome == UNCONFIRMED
    assert not (receives > 1 and since_first_s >= base_s + 0.002)
    decision = world.report.last("m-1")
    assert isinstance(decision, Wait)
    assert 1 <= decision.delay_s <= 12 * 3600 - 1260


@given(base_s=st.integers(1, 900), jitter=st.floats(0, 1, exclude_max=True))
def test_the_second_delivery_after_this_wait_confirms(base_s: int, jitter: float) -> None:
    world = World(base_s=base_s)
    world.deleter = world.new_environment(jitter=lambda: jitter)
    first = world.clock()
    world.process(REQUEST)
    world.clock.advance(world.queue.hidden["receipt-of-m-1"])
    assert world.process(REQUEST, receives=2, age=world.clock() - first) == GONE
