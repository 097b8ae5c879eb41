"""A proven 404 of a backup that the request has never seen or asked for must be confirmed by a later delivery."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.world import World, backup_id
from vbs_reaper.deletion.decision import AlreadyGone, Deleted, Parked, Wait
from vbs_reaper.reasons import Reason

ONE = backup_id(1)
REQUEST = {"backup_id": ONE}


def deliver(first_s: float, receives: int, sent_s: float | None = None, **how: Any) -> World:  # noqa: ANN401
    """Deliver a request for an unknown backup, first received so many seconds ago."""
    world = World()
    now = world.clock()
    first = now - timedelta(seconds=first_s)
    sent_at = first if sent_s is None else now - timedelta(seconds=sent_s)
    world.deliver(world.message(REQUEST, receives=receives, first_received_at=first, sent_at=sent_at, **how))
    return world


@pytest.mark.parametrize(
    ("first_s", "receives", "is_confirmed"),
    [(0, 1, False), (0, 2, False), (59.9, 2, False), (60, 2, True), (60, 1, False), (3600, 1, False), (3600, 9, True)],
)
def test_it_takes_a_second_receive_and_one_base_since_the_first(
    first_s: float,
    receives: int,
    is_confirmed: bool,  # noqa: FBT001
) -> None:
    world = deliver(first_s, receives)
    decision = world.report.last("m-1")
    if is_confirmed:
        assert isinstance(decision, AlreadyGone)
        return
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.UNCONFIRMED
    assert world.bus.results == []
    assert world.queue.letters == []


def test_the_time_in_the_queue_before_the_first_receive_does_not_count() -> None:
    assert deliver(0, 2, sent_s=86_400).bus.results == []


@pytest.mark.parametrize("receives", [1, 2, 5])
def test_past_twelve_days_one_proof_is_enough(receives: int) -> None:
    assert isinstance(deliver(0, receives, sent_s=12 * 86_400).report.last("m-1"), AlreadyGone)
    assert isinstance(deliver(0, receives, sent_s=12 * 86_400 - 1).report.last("m-1"), Wait)


@pytest.mark.parametrize("mark", ["asked_at", "unanswered_at"])
def test_what_this_request_has_asked_for_needs_no_confirmation(mark: str) -> None:
    world = deliver(0, 1, attributes={mark: "2026-11-25T03:00:00+00:00"})
    assert isinstance(world.report.last("m-1"), Deleted)


def test_a_message_without_a_first_receive_time_is_not_confirmed_and_ends_after_twelve_days() -> None:
    world = World()
    record = world.message(REQUEST, receives=50, sent_at=world.clock() - timedelta(days=11))
    del record["attributes"]["ApproximateFirstReceiveTimestamp"]
    assert world.deliver(record) == ["m-1"]
    world.clock.advance(86_400)
    assert world.deliver(record) == []
    assert isinstance(world.report.last("m-1"), AlreadyGone)


def test_a_direct_invocation_is_queued_as_unconfirmed() -> None:
    world = World()
    outcome = world.deleter.handle(REQUEST, lambda: 60.0, "i-1")
    assert (outcome["outcome"], outcome["reason"], outcome["request_id"]) == ("queued", "unconfirmed", "i-1")
    (message,) = world.queue.sent
    assert message.attributes["request_id"] == "i-1"
    assert 60 <= message.delay_s <= 90
    assert world.bus.results == []


def test_a_backup_that_appears_before_the_second_delivery_is_deleted() -> None:
    """A stale replica answered first."""
    world = World()
    first = world.clock()
    assert world.deliver(world.message(REQUEST)) == ["m-1"]
    world.cloud.has(ONE)
    world.clock.advance(world.queue.hidden["receipt-of-m-1"])
    world.deliver(world.message(REQUEST, receives=2, sent_at=first))
    assert ("delete", ONE) in world.cloud.calls
    assert world.bus.results == []


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
    world.deleter = world.new_environment(lambda: jitter)
    now = world.clock()
    first = now - timedelta(seconds=sent_ago_s * first_share)
    sent_at = now - timedelta(seconds=sent_ago_s)
    world.deliver(world.message(REQUEST, receives=receives, first_received_at=first, sent_at=sent_at))
    decision = world.report.last("m-1")
    assert not isinstance(decision, Deleted | Parked)
    is_confirmed = receives > 1 and (now - first).total_seconds() >= base_s - 0.001
    is_overdue = sent_ago_s >= 12 * 86_400 - 0.001
    if isinstance(decision, AlreadyGone):
        assert is_confirmed or is_overdue
    else:
        assert isinstance(decision, Wait)
        assert not (receives > 1 and (now - first).total_seconds() >= base_s + 0.001)
        assert 1 <= decision.delay_s <= 12 * 3600 - 1260


@given(base_s=st.integers(1, 900), jitter=st.floats(0, 1, exclude_max=True))
def test_the_second_delivery_after_this_wait_confirms(base_s: int, jitter: float) -> None:
    world = World(base_s=base_s)
    world.deleter = world.new_environment(lambda: jitter)
    first = world.clock()
    world.deliver(world.message(REQUEST))
    world.clock.advance(world.queue.hidden["receipt-of-m-1"])
    assert world.deliver(world.message(REQUEST, receives=2, sent_at=first)) == []
