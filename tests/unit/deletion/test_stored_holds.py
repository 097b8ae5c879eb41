"""Holds in the stack's bucket, stops, and the minimum age: what the deleter does before a DELETE."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.unit.deletion.world import ASKED, OLD, ONE, PROJECT, TWO, VOLUME, World, ask, backup_id
from vbs_reaper.backups.holds import HoldKind, HoldRecord, name_of_hold
from vbs_reaper.backups.ports import BackupRef

RUN = "nightly/2026-11-25T04-00-00Z"
OF_PURGE: dict[str, Any] = {"attributes": {"purge_run": RUN}}


@pytest.fixture
def world() -> World:
    return World(ONE)


def hold_of(kind: HoldKind, of: str) -> str:
    return name_of_hold(kind, of, None, "0123abcd")


@pytest.mark.parametrize(("kind", "of"), [(HoldKind.BACKUP, ONE), (HoldKind.VOLUME, VOLUME)])
def test_a_backup_that_is_on_hold_in_the_bucket_is_refused_with_who_and_why(
    world: World, kind: HoldKind, of: str
) -> None:
    record = HoldRecord(reason="case 7", by="arn:aws:iam::1:user/jane", at=world.clock())
    world.holds.put(hold_of(kind, of), record)
    assert world.process(ask(ONE)) == "refused held"
    assert "by arn:aws:iam::1:user/jane until it is released: case 7" in world.bus.results[0].message
    assert world.letters == ["held"]
    assert world.called("delete") == []


def test_a_hold_on_another_backup_or_one_that_has_ended_forbids_nothing(world: World) -> None:
    world.holds.put(hold_of(HoldKind.BACKUP, TWO))
    world.holds.put(hold_of(HoldKind.VOLUME, TWO))
    world.holds.put(name_of_hold(HoldKind.BACKUP, ONE, world.clock(), "0123abcd"))
    world.holds.put(name_of_hold(HoldKind.RUN, RUN, world.clock(), "0123abcd"))
    assert world.process(ask(ONE), **OF_PURGE) == "asked"


def test_a_deletion_that_was_accepted_before_the_hold_is_followed_to_its_end(world: World) -> None:
    world.process(ask(ONE))
    world.holds.put(hold_of(HoldKind.BACKUP, ONE))
    world.clock.advance(60)
    (asked,) = world.queue.sent
    assert world.process(asked.body, "m-2", attributes=asked.attributes) == "deleted"


STATES_THE_RUN = ask(ONE, requested_by=RUN)


@pytest.mark.parametrize(
    ("stop", "body", "how", "decision"),
    [
        (RUN, ask(ONE), OF_PURGE, "superseded stopped"),
        ("nightly/*", ask(ONE), OF_PURGE, "superseded stopped"),
        (RUN, STATES_THE_RUN, {}, "refused stopped"),  # can be redriven
        ("nightly/2026-11-24T04-00-00Z", ask(ONE), OF_PURGE, "asked"),
        ("weekly/*", ask(ONE), OF_PURGE, "asked"),
    ],
)
def test_a_stop_ends_the_requests_of_its_run(
    world: World, stop: str, body: dict[str, Any], how: dict[str, Any], decision: str
) -> None:
    world.holds.put(hold_of(HoldKind.RUN, stop), HoldRecord(reason="case 7", by="jane", at=world.clock()))
    assert world.process(body, **how) == decision
    assert world.ends == [decision] * ("stopped" in decision)
    assert all("by jane until it is released: case 7" in result.message for result in world.bus.results)
    assert world.letters == ["stopped"] * decision.startswith("refused")
    assert world.called("delete") == [ONE] * (decision == "asked")


def test_while_the_holds_cannot_be_listed_no_delete_is_sent_and_proofs_go_on(world: World) -> None:
    world.cloud.has(TWO, status="deleting")
    world.holds.is_unusable = True
    assert world.process(ask(ONE)) == "halt bucket_unusable"
    assert world.process(ask(TWO), attributes=ASKED) == "wait deleting"
    assert world.called("delete") == []
    del world.cloud.backups[TWO]
    assert world.process(ask(TWO), attributes=ASKED) == "deleted"
    world.clock.advance(120)
    assert world.process(ask(ONE), age=OLD, receives=200) == "parked bucket_unusable"
    assert world.letters == ["bucket_unusable"]
    world.holds.is_unusable = False
    world.clock.advance(120)
    assert world.process(ask(ONE)) == "asked"


def test_a_batch_lists_the_holds_once() -> None:
    ids = [backup_id(number) for number in range(10, 20)]
    world = World(*ids)
    world.deliver(*(world.message(ask(each), each) for each in ids))
    assert len(world.called("delete")) == 10
    assert world.holds.listings == 1


@pytest.mark.parametrize(("pause_s", "listings"), [(28.0, 1), (28.001, 2)])
def test_a_listing_is_made_again_if_it_could_be_older_than_30_seconds_at_the_delete(
    world: World, pause_s: float, listings: int
) -> None:
    world.cloud.has(TWO)
    world.process(ask(ONE))
    world.clock.advance(pause_s)
    assert world.process(ask(TWO), "m-2") == "asked"
    assert world.holds.listings == listings


def test_a_request_that_needs_no_delete_does_not_list_the_holds(world: World) -> None:
    world.process(ask(TWO))
    assert world.holds.listings == 0


def test_a_listing_that_grows_old_between_two_calls_is_made_again_before_the_delete(world: World) -> None:
    world.cloud.has(TWO)

    def hold_during_a_slow_call(_: str, ref: BackupRef) -> None:
        if ref.backup_id == TWO:
            world.clock.advance(35)
            world.holds.put(hold_of(HoldKind.BACKUP, ONE))

    world.cloud.meanwhile = hold_during_a_slow_call
    assert world.process(ask(ONE, TWO)) == "refused held"
    assert world.called("delete") == []


@settings(max_examples=200)
@given(
    pauses_s=st.lists(st.floats(0, 45), min_size=2, max_size=12),
    written_after=st.integers(0, 10),
    environments=st.lists(st.integers(0, 1), min_size=2, max_size=12),
)
def test_no_delete_is_sent_later_than_a_minute_after_a_hold_was_written(
    pauses_s: list[float], written_after: int, environments: list[int]
) -> None:
    """Two environments with their own listings delete backups of a volume while it is put on hold."""
    world = World()
    both = [world.new_environment(), world.new_environment()]
    written_at = None
    for number, (pause_s, environment) in enumerate(zip(pauses_s, environments, strict=False)):
        world.clock.advance(pause_s)
        if number == written_after:
            world.holds.put(hold_of(HoldKind.VOLUME, VOLUME))
            written_at = world.clock()
        world.cloud.has(backup_id(number))
        world.deleter = both[environment]
        before = world.called("delete")
        world.process(ask(backup_id(number)))
        if written_at is not None and world.clock() - written_at > timedelta(seconds=30):
            assert world.called("delete") == before


@pytest.mark.parametrize(
    ("fields", "attributes", "is_deleted"),
    [
        ({"created_at": "2026-11-24T04:00:01"}, {}, False),
        ({"created_at": "2026-11-24T04:00:00"}, {}, True),
        ({"created_at": "2026-11-25T05:00:00"}, {}, False),  # the future
        ({"created_at": "2026-11-25T03:00:00", "status": "error"}, {}, True),
        # It is available again after a 202: a new DELETE needs everything that the first one needed.
        ({"created_at": "2026-11-25T03:00:00"}, ASKED | {"place": f"{PROJECT} https://cinder.example"}, False),
    ],
)
def test_an_available_backup_younger_than_the_minimum_age_is_refused_whoever_asks(
    world: World, fields: dict[str, str], attributes: dict[str, str], *, is_deleted: bool
) -> None:
    world.cloud.has(ONE, **fields)
    world.deleter = world.new_environment(minimum_age=timedelta(days=1))
    world.process(ask(ONE), attributes=attributes)
    assert world.called("delete") == ([ONE] if is_deleted else [])
    assert world.ends == ([] if is_deleted else ["refused minimum_age"])
