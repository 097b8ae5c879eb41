"""Twelve days of each long wait on a virtual clock: nothing is lost or parked early, with few receives."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.deletion.queue_world import RECEIVES_ALLOWED, TWELVE_DAYS_S, QueueWorld
from tests.unit.deletion.test_decision import EVERYWHERE
from tests.unit.deletion.world import ONE, answer, backup_id, record
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.deletion.decision import Parked

SetUp = Callable[[QueueWorld], None]


def keeps_failing(world: QueueWorld) -> None:
    """Every deletion is accepted and fails."""
    backup = world.cloud.backups.setdefault(ONE, record(ONE))
    if backup["status"] == "deleting":
        backup["status"] = "error"
        world.cloud.deleted.pop(ONE, None)


def keeps_moving(world: QueueWorld) -> None:
    """The record changes repeatedly while it is deleting."""
    world.cloud.has(ONE, status="deleting", updated_at=world.clock().isoformat())


def has_a_dependent(world: QueueWorld) -> None:
    """One newer incremental backup is never deleted."""
    world.cloud.backups.setdefault(ONE, record(ONE))
    world.cloud.has(backup_id(2), is_incremental=True, created_at="2026-11-21T02:00:00")


def publishes_nothing(world: QueueWorld) -> None:
    world.trouble.refuses = frozenset({("publish", 0)})


def is_down(name: AnswerName, retry_after_s: float | None = None) -> SetUp:
    return lambda world: setattr(world.cloud, "down", answer(name, retry_after_s=retry_after_s))


def rejects_every_delete(name: AnswerName) -> SetUp:
    def set_up(world: QueueWorld) -> None:
        world.cloud.has(ONE)
        world.cloud.scripted["delete", ONE] = [answer(name)]

    return set_up


def stays(**fields: Any) -> SetUp:  # noqa: ANN401  # fields of a record
    return lambda world: world.cloud.has(ONE, **fields)


ENDLESS: dict[str, SetUp] = {
    **{f"every answer is {name}": is_down(name) for name, words in EVERYWHERE.items() if words[:4] in {"halt", "wait"}},
    "throttled for a second": is_down(AnswerName.THROTTLED, 1.0),
    "throttled for an hour": is_down(AnswerName.THROTTLED, 3600.0),
    **{
        f"every DELETE is answered {name}": rejects_every_delete(name)
        for name in (AnswerName.BAD_REQUEST, AnswerName.UNEXPECTED_CLIENT_ERROR, AnswerName.GATEWAY_REFUSED)
    },
    "deleting": stays(status="deleting", updated_at="2026-11-25T04:00:00"),
    "deleting since an unknown time": stays(status="deleting", updated_at=None),
    "deleting, by a clock that is ahead": stays(status="deleting", updated_at="2027-11-25T04:00:00"),
    "creating": stays(status="creating"),
    "a strange status": stays(status="exporting"),
    "a missing field": stays(created_at=None),
    "a deletion that fails again and again": keeps_failing,
    "an updated_at that keeps moving": keeps_moving,
    "one dependent that never goes": has_a_dependent,
    "a bus that accepts nothing": publishes_nothing,
}


@pytest.mark.parametrize("what", ENDLESS)
def test_twelve_days_lose_nothing_and_then_it_is_parked_before_sqs_would_drop_it(what: str) -> None:
    world = QueueWorld(seed=1)
    ENDLESS[what](world)
    world.request()
    world.run(TWELVE_DAYS_S - 1, lambda: ENDLESS[what](world))
    assert (world.waiting, world.letters) == (1, [])
    assert world.most_receives <= RECEIVES_ALLOWED
    world.run(TWELVE_DAYS_S + 12 * 3600 + 200, lambda: ENDLESS[what](world))
    assert (world.waiting, len(world.letters)) == (0, 1)
    assert isinstance(world.report.decisions[-1][1], Parked)


def test_a_request_that_asks_to_wait_costs_two_receives_and_comes_in_time() -> None:
    world = QueueWorld(ONE)
    world.request(not_before="2026-11-26T04:00:00Z")
    world.run(86_400.0 - 1)
    assert world.cloud.calls == []
    assert world.most_receives <= 3
    world.run(86_400.0)
    assert world.cloud.calls == [("show", ONE), ("delete", ONE)]


def test_a_chain_of_200_incrementals_requested_at_once_is_deleted_within_hours() -> None:
    world = QueueWorld(seed=7)
    world.cloud.deletion_s = 20
    for number in range(200):
        created = datetime(2026, 10, 1) + timedelta(hours=number)  # noqa: DTZ001  # as the cloud writes it
        world.cloud.has(backup_id(number), is_incremental=number > 0, created_at=created.isoformat())
        world.request(backup_id(number))
    world.run(3 * 86_400.0)
    assert (world.waiting, world.cloud.backups, world.letters) == (0, {}, [])
    assert world.ends == ["deleted deleted"] * 200


def test_1000_waiting_requests_cost_a_dead_service_one_call_per_minute_and_environment() -> None:
    world = QueueWorld(seed=11, environments=2)
    world.cloud.down = answer(AnswerName.UNAVAILABLE)
    for number in range(1000):
        world.request(backup_id(number))
    minutes = 15
    world.run(minutes * 60.0)
    assert world.waiting == 1000
    assert minutes - 2 <= len(world.cloud.calls) <= 2 * (minutes + 1)


def test_once_the_service_is_back_what_waited_ends() -> None:
    ids = [backup_id(number) for number in range(200)]
    world = QueueWorld(*ids, seed=12, environments=2)
    world.cloud.down = answer(AnswerName.UNAVAILABLE)
    for each in ids:
        world.request(each)
    world.run(86_400.0)
    assert world.waiting == 200
    world.cloud.down = None
    world.run(86_400.0 + 3 * 7200)
    assert (world.waiting, world.cloud.backups, len(world.ends)) == (0, {}, 200)
