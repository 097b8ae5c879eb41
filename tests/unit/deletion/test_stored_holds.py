"""Holds in the stack's bucket, stops, and the minimum age: what the deleter does before a DELETE."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.unit.deletion.world import PROJECT, VOLUME, World, backup_id
from vbs_reaper.backups.answer import Answer
from vbs_reaper.backups.holds import HoldKind, HoldRecord, name_of_hold
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.deleter import Deleter

ONE, TWO = backup_id(1), backup_id(2)
RUN = "nightly/2026-11-25T04-00-00Z"
N = "0123abcd"


@pytest.fixture
def world() -> World:
    made = World()
    made.cloud.has(ONE)
    return made


def deletes(world: World) -> list[str]:
    return [backup for operation, backup in world.cloud.calls if operation == "delete"]


def hold_of(kind: HoldKind, of: str) -> str:
    return name_of_hold(kind, of, None, N)


@pytest.mark.parametrize(("kind", "of"), [(HoldKind.BACKUP, ONE), (HoldKind.VOLUME, VOLUME)])
def test_a_backup_that_is_on_hold_in_the_bucket_is_refused_with_who_and_why(
    world: World, kind: HoldKind, of: str
) -> None:
    record = HoldRecord(reason="case 7", by="arn:aws:iam::1:user/jane", at=world.clock())
    world.holds.put(hold_of(kind, of), record)
    assert world.deliver(world.message({"backup_id": ONE})) == []
    (result,) = world.bus.results
    assert (result.outcome, result.reason) == ("refused", "held")
    assert "by arn:aws:iam::1:user/jane until it is released: case 7" in result.message
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["held"]
    assert deletes(world) == []


def test_a_hold_on_another_backup_or_one_that_has_ended_forbids_nothing(world: World) -> None:
    world.holds.put(hold_of(HoldKind.BACKUP, TWO))
    world.holds.put(hold_of(HoldKind.VOLUME, TWO))
    world.holds.put(name_of_hold(HoldKind.BACKUP, ONE, world.clock(), N))
    world.deliver(world.message({"backup_id": ONE}))
    assert deletes(world) == [ONE]


def test_a_deletion_that_was_accepted_before_the_hold_is_followed_to_its_end(world: World) -> None:
    world.deliver(world.message({"backup_id": ONE}))
    world.holds.put(hold_of(HoldKind.BACKUP, ONE))
    world.clock.advance(60)
    (asked,) = world.queue.sent
    assert world.deliver(world.message(asked.body, "m-2", attributes=asked.attributes)) == []
    assert world.bus.results[-1].outcome == "deleted"


def of_purge(world: World, *, states_run: bool = False) -> dict[str, Any]:
    body = {"backup_id": ONE} | ({"requested_by": RUN} if states_run else {})
    attributes = {} if states_run else {"purge_run": RUN}
    return world.message(body, attributes=attributes)


@pytest.mark.parametrize("of", [RUN, "nightly/*"])
def test_what_a_stopped_run_requested_is_superseded_without_a_dead_letter(world: World, of: str) -> None:
    world.holds.put(hold_of(HoldKind.RUN, of))
    assert world.deliver(of_purge(world)) == []
    assert [(result.outcome, result.reason) for result in world.bus.results] == [("superseded", "stopped")]
    assert (world.queue.letters, deletes(world)) == ([], [])


def test_a_request_that_only_states_the_run_is_stopped_too_and_can_be_redriven(world: World) -> None:
    world.holds.put(hold_of(HoldKind.RUN, RUN))
    assert world.deliver(of_purge(world, states_run=True)) == []
    assert [(result.outcome, result.reason) for result in world.bus.results] == [("refused", "stopped")]
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["stopped"]


def test_a_stop_of_another_run_stops_nothing(world: World) -> None:
    world.holds.put(hold_of(HoldKind.RUN, "nightly/2026-11-24T04-00-00Z"))
    world.holds.put(hold_of(HoldKind.RUN, "weekly/*"))
    world.deliver(of_purge(world))
    assert deletes(world) == [ONE]


def test_while_the_holds_cannot_be_listed_no_delete_is_sent_and_proofs_go_on(world: World) -> None:
    world.cloud.has(TWO, status="deleting")
    asked = world.message({"backup_id": TWO}, "m-2", attributes={"asked_at": world.clock().isoformat()})
    world.holds.is_unusable = True
    assert world.deliver(world.message({"backup_id": ONE}), asked) == ["m-1", "m-2"]
    assert world.report.last("m-1").reason == "bucket_unusable"  # type: ignore[union-attr]
    assert world.report.last("m-2").reason == "deleting"  # type: ignore[union-attr]
    assert deletes(world) == []
    del world.cloud.backups[TWO]
    assert world.deliver(asked) == []
    assert world.bus.results[-1].outcome == "deleted"
    world.holds.is_unusable = False
    world.clock.advance(120)
    world.deliver(world.message({"backup_id": ONE}))
    assert deletes(world) == [ONE]


def test_a_bucket_that_fails_for_twelve_days_parks_the_request_and_loses_nothing(world: World) -> None:
    world.holds.is_unusable = True
    sent_at = world.clock() - timedelta(days=12)
    assert world.deliver(world.message({"backup_id": ONE}, sent_at=sent_at, receives=200)) == []
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["bucket_unusable"]


def test_a_batch_lists_the_holds_once(world: World) -> None:
    ids = [backup_id(number) for number in range(10, 20)]
    for each in ids:
        world.cloud.has(each)
    world.deliver(*(world.message({"backup_id": each}, f"m-{each[:8]}") for each in ids))
    assert len(deletes(world)) == 10
    assert world.holds.listings == 1


def test_a_request_that_needs_no_delete_does_not_list_the_holds(world: World) -> None:
    world.deliver(world.second_delivery({"backup_id": TWO}))
    assert world.holds.listings == 0


def test_a_hold_that_appears_while_survivors_are_observed_is_respected_if_the_listing_is_old(world: World) -> None:
    """The listing grows old between two calls: it is made again before the DELETE."""
    world.cloud.has(TWO)
    show = world.cloud.show_backup

    def slow_show(ref: BackupRef, time_left: TimeLeft) -> Answer:
        if ref.backup_id == TWO:
            world.clock.advance(35)
            world.holds.put(hold_of(HoldKind.BACKUP, ONE))
        return show(ref, time_left)

    world.cloud.show_backup = slow_show  # type: ignore[method-assign]
    world.deliver(world.message({"backup_id": ONE, "expect": {"survivors": [TWO]}}))
    assert world.bus.results[-1].reason == "held"
    assert deletes(world) == []


@settings(max_examples=200)
@given(
    pauses=st.lists(st.floats(0, 45), min_size=2, max_size=12),
    written_after=st.integers(0, 10),
    environments=st.lists(st.integers(0, 1), min_size=2, max_size=12),
)
def test_no_delete_is_sent_later_than_a_minute_after_a_hold_was_written(
    pauses: list[float], written_after: int, environments: list[int]
) -> None:
    """Two environments, each with its own listing, delete backups of one volume while somebody puts it on hold."""
    world = World()
    both: list[Deleter] = [world.new_environment(), world.new_environment()]
    written_at = None
    for number, (pause, environment) in enumerate(zip(pauses, environments, strict=False)):
        world.clock.advance(pause)
        if number == written_after:
            world.holds.put(hold_of(HoldKind.VOLUME, VOLUME))
            written_at = world.clock()
        world.cloud.has(backup_id(number))
        world.deleter = both[environment]
        before = len(deletes(world))
        world.deliver(world.message({"backup_id": backup_id(number)}, f"m-{number}"))
        if written_at is not None and world.clock() - written_at > timedelta(seconds=30):
            assert len(deletes(world)) == before


# The minimum age


def with_minimum_age(world: World, age: timedelta) -> Callable[..., list[str]]:
    world.deleter = world.new_environment(minimum_age=age)
    return world.deliver


@pytest.mark.parametrize(
    ("fields", "is_deleted"),
    [
        ({"created_at": "2026-11-24T04:00:01"}, False),
        ({"created_at": "2026-11-24T04:00:00"}, True),
        ({"created_at": "2026-11-25T05:00:00"}, False),  # the future
        ({"created_at": "2026-11-25T03:00:00", "status": "error"}, True),
    ],
)
def test_an_available_backup_younger_than_the_minimum_age_is_refused_whoever_asks(
    world: World, fields: dict[str, str], *, is_deleted: bool
) -> None:
    world.cloud.has(ONE, **fields)
    with_minimum_age(world, timedelta(days=1))(world.message({"backup_id": ONE}))
    assert deletes(world) == ([ONE] if is_deleted else [])
    assert [result.reason for result in world.bus.results] == ([] if is_deleted else ["minimum_age"])


def test_the_minimum_age_also_binds_a_request_whose_deletion_was_accepted_before(world: World) -> None:
    """The backup is available again after a 202: a new DELETE needs everything that the first one needed."""
    world.cloud.has(ONE, created_at="2026-11-25T03:00:00")
    asked = {"asked_at": world.clock().isoformat(), "place": f"{PROJECT} https://cinder.example"}
    with_minimum_age(world, timedelta(days=1))(world.message({"backup_id": ONE}, attributes=asked))
    assert deletes(world) == []
