"""Twelve days of everything that may last, on a virtual clock: nothing lost, nothing parked early, few receives."""

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.deletion.world import World, answer, backup_id, record, sqs_record
from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.deletion.decision import Parked
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import NewMessage

TWELVE_DAYS_S = 12 * 86_400.0
RECEIVES_ALLOWED = 400
ONE = backup_id(1)


@dataclass(order=True)
class Stored:
    """A message in the queue."""

    visible_at: float
    number: int
    new: NewMessage = field(compare=False)
    sent_at: datetime = field(compare=False)
    receives: int = field(default=0, compare=False)
    first_received_at: datetime | None = field(default=None, compare=False)


class PatientWorld(World):
    """A world with a queue that keeps its messages and a clock that jumps to the next one."""

    def __init__(self, seed: int = 0, environments: int = 1) -> None:
        self._chance = random.Random(seed)
        self._heap: list[Stored] = []
        self._numbers = itertools.count()
        self.taken: dict[str, Stored] = {}
        self.ends: list[tuple[str, float]] = []
        self.start: datetime | None = None
        super().__init__()
        self.start = self.clock()
        self.queue = PatientQueue(self)  # type: ignore[assignment]  # stands where the other stood
        self.deleters = [self.new_environment(self._chance.random) for _ in range(environments)]

    @property
    def elapsed_s(self) -> float:
        assert self.start
        return (self.clock() - self.start).total_seconds()

    def put(self, new: NewMessage) -> None:
        heapq.heappush(self._heap, Stored(self.elapsed_s + new.delay_s, next(self._numbers), new, self.clock()))

    def hide(self, receipt: str, delay_s: int) -> None:
        self.taken[receipt].visible_at = self.elapsed_s + delay_s

    @property
    def waiting(self) -> int:
        return len(self._heap)

    def run(self, until_s: float, each: Callable[[], None] = lambda: None) -> None:
        """Deliver what is due, batch by batch, environments in turn, until then or until nothing waits."""
        for deleter in itertools.cycle(self.deleters):
            if not self._heap or self._heap[0].visible_at > until_s:
                break
            self.clock.advance(max(0.0, self._heap[0].visible_at - self.elapsed_s))
            each()
            self._hand_over(deleter)
        self.clock.advance(max(0.0, until_s - self.elapsed_s))

    def _hand_over(self, deleter: Deleter) -> None:
        batch: list[Stored] = []
        while self._heap and self._heap[0].visible_at <= self.elapsed_s and len(batch) < 10:
            batch.append(heapq.heappop(self._heap))
        self.taken = {}
        for stored in batch:
            stored.receives += 1
            stored.first_received_at = stored.first_received_at or self.clock()
            stored.visible_at = self.elapsed_s + 1200
            self.taken[f"receipt-of-{stored.number}"] = stored
        records = [
            sqs_record(
                stored.new.body,
                str(stored.number),
                sent_at=stored.sent_at,
                receives=stored.receives,
                attributes=stored.new.attributes,
                first_received_at=stored.first_received_at,
            )
            for stored in batch
        ]
        response = deleter.handle({"Records": records}, lambda: 60.0, "i")
        kept = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        for stored in batch:
            if str(stored.number) in kept:
                heapq.heappush(self._heap, stored)

    def most_receives(self) -> int:
        return max(stored.receives for stored in self._heap)


class PatientQueue:
    """Implements `Queue` on a PatientWorld."""

    def __init__(self, world: PatientWorld) -> None:
        self._world = world
        self.letters: list[tuple[float, NewMessage]] = []

    def hide(self, delays_s: Mapping[str, int]) -> None:
        for receipt, delay_s in delays_s.items():
            self._world.hide(receipt, delay_s)

    def send(self, messages: Sequence[NewMessage]) -> bool:
        for message in messages:
            self._world.put(message)
        return True

    def dead_letter(self, letter: NewMessage) -> bool:
        self.letters.append((self._world.elapsed_s, letter))
        return True


def waiting_for(world: PatientWorld, **fields: object) -> None:
    """One request in the queue."""
    body = sqs_record({"backup_id": ONE} | fields, "", sent_at=world.clock())["body"]
    world.put(NewMessage(body=body))


HALTS = [
    AnswerName.NO_SERVICE,
    AnswerName.UNAVAILABLE,
    AnswerName.THROTTLED,
    AnswerName.WRONG_ENDPOINT,
    AnswerName.REDIRECTED,
    AnswerName.PROXY_REFUSED,
    AnswerName.GATEWAY_REFUSED,
    AnswerName.URL_PROJECT_MISMATCH,
    AnswerName.UNAUTHORIZED,
    AnswerName.UNREACHABLE,
    AnswerName.TLS_FAILED,
    AnswerName.SECRET_UNUSABLE,
    AnswerName.LOGIN_REFUSED,
    AnswerName.USER_LOCKED,
    AnswerName.CLOCK_SKEW,
    AnswerName.BUCKET_UNUSABLE,
    AnswerName.LOGIN_THROTTLED,
    AnswerName.LOGIN_UNAVAILABLE,
    AnswerName.LOGIN_MISPLACED,
    AnswerName.TOKEN_PROJECT_MISMATCH,
    AnswerName.ADMINISTRATOR,
    AnswerName.OTHER_BACKUP,
]
WAITS = [
    AnswerName.FORBIDDEN,
    AnswerName.TIMED_OUT,
    AnswerName.CONNECTION_LOST,
    AnswerName.SERVER_ERROR,
    AnswerName.CONFLICT,
    AnswerName.OUT_OF_TIME,
    AnswerName.LOGIN_BUSY,
    AnswerName.UNEXPECTED,
    AnswerName.BAD_REQUEST,
    AnswerName.UNEXPECTED_CLIENT_ERROR,
]


def keeps_failing(world: PatientWorld) -> None:
    """Every deletion is accepted and fails."""
    backup = world.cloud.backups.setdefault(ONE, record(ONE))
    if backup["status"] == "deleting":
        backup["status"] = "error"
        world.cloud.deleted.pop(ONE, None)


def keeps_moving(world: PatientWorld) -> None:
    """Somebody touches the record again and again while it is deleting."""
    world.cloud.has(ONE, status="deleting", updated_at=world.clock().isoformat())


def has_a_dependent(world: PatientWorld) -> None:
    """One newer incremental never goes."""
    world.cloud.backups.setdefault(ONE, record(ONE))
    world.cloud.has(backup_id(2), is_incremental=True, created_at="2026-11-21T02:00:00")


def is_down(name: AnswerName, retry_after_s: float | None = None) -> Callable[[PatientWorld], None]:
    def set_up(world: PatientWorld) -> None:
        world.cloud.down = answer(name, retry_after_s=retry_after_s)

    return set_up


def refuses_every_delete(name: AnswerName) -> Callable[[PatientWorld], None]:
    """Every look is good, and every DELETE is answered so."""

    def set_up(world: PatientWorld) -> None:
        world.cloud.has(ONE)
        world.cloud.scripted["delete", ONE] = [answer(name)]

    return set_up


def stays(**fields: Any) -> Callable[[PatientWorld], None]:  # noqa: ANN401  # fields of a record
    return lambda world: world.cloud.has(ONE, **fields)


def stuck_dead_letters(world: PatientWorld) -> None:
    """The bus hears nothing: what is gone has not ended."""
    world.trouble.refuses = frozenset({("publish", 0)})


ENDLESS: dict[str, Callable[[PatientWorld], None]] = {
    **{f"halt {name}": is_down(name) for name in HALTS},
    "throttled for a second": is_down(AnswerName.THROTTLED, 1.0),
    "throttled for an hour": is_down(AnswerName.THROTTLED, 3600.0),
    **{f"wait {name}": is_down(name) for name in WAITS},
    **{
        f"every DELETE is answered {name}": refuses_every_delete(name)
        for name in (AnswerName.BAD_REQUEST, AnswerName.UNEXPECTED_CLIENT_ERROR, AnswerName.GATEWAY_REFUSED)
    },
    "deleting": stays(status="deleting", updated_at="2026-11-25T04:00:00"),
    "deleting since nobody knows": stays(status="deleting", updated_at=None),
    "deleting, by a clock that is ahead": stays(status="deleting", updated_at="2027-11-25T04:00:00"),
    "creating": stays(status="creating"),
    "restoring": stays(status="restoring"),
    "a strange status": stays(status="exporting"),
    "a missing field": stays(created_at=None),
    "a deletion that fails again and again": keeps_failing,
    "an updated_at that keeps moving": keeps_moving,
    "one dependent that never goes": has_a_dependent,
    "a bus that hears nothing": stuck_dead_letters,
}


@pytest.mark.parametrize("what", ENDLESS)
def test_twelve_days_lose_nothing_and_then_it_is_parked_before_sqs_would_drop_it(what: str) -> None:
    world = PatientWorld(1)
    ENDLESS[what](world)
    waiting_for(world)
    world.run(TWELVE_DAYS_S - 1, lambda: ENDLESS[what](world))
    assert world.waiting == 1
    assert letters_of(world) == []
    assert world.most_receives() <= RECEIVES_ALLOWED

    world.run(14 * 86_400.0 + 1000, lambda: ENDLESS[what](world))
    assert world.waiting == 0
    ((parked_s, _),) = letters_of(world)
    sent_at_latest_s = TWELVE_DAYS_S + 12 * 3600 + 200
    assert TWELVE_DAYS_S <= parked_s <= sent_at_latest_s
    assert isinstance(world.report.decisions[-1][1], Parked)


def letters_of(world: PatientWorld) -> list[tuple[float, NewMessage]]:
    queue = world.queue
    assert isinstance(queue, PatientQueue)
    return queue.letters


def test_a_request_that_asks_to_wait_costs_two_receives_and_comes_in_time() -> None:
    world = PatientWorld()
    world.cloud.has(ONE)
    waiting_for(world, not_before="2026-11-26T04:00:00Z")
    world.run(86_400.0 - 1)
    assert world.cloud.calls == []
    assert world.most_receives() <= 3
    world.run(86_400.0)
    assert world.cloud.calls == [("show", ONE), ("delete", ONE)]


def test_a_chain_of_200_incrementals_requested_at_once_is_deleted_within_hours() -> None:
    world = PatientWorld(7)
    world.cloud.deletion_s = 20
    chain = [backup_id(number) for number in range(1, 201)]
    for number, link in enumerate(chain):
        created = datetime(2026, 10, 1) + timedelta(hours=number)  # noqa: DTZ001  # as the cloud writes it
        world.cloud.has(link, is_incremental=number > 0, created_at=created.isoformat())
        world.put(NewMessage(body=sqs_record({"backup_id": link}, "", sent_at=world.clock())["body"]))
    world.run(3 * 86_400.0)
    assert world.waiting == 0
    assert world.cloud.backups == {}
    assert letters_of(world) == []
    assert [result.outcome for result in world.bus.results] == ["deleted"] * 200


def test_2000_waiting_requests_cost_a_dead_service_one_call_per_minute_and_environment() -> None:
    world = PatientWorld(11, environments=2)
    world.cloud.down = answer(AnswerName.UNAVAILABLE)
    for number in range(2000):
        world.put(NewMessage(body=f'{{"backup_id": "{backup_id(number)}"}}'))
    minutes = 15
    world.run(minutes * 60.0)
    assert world.waiting == 2000
    assert minutes - 2 <= len(world.cloud.calls) <= 2 * (minutes + 1)


def test_once_the_service_is_back_what_waited_ends() -> None:
    world = PatientWorld(12, environments=2)
    world.cloud.down = answer(AnswerName.UNAVAILABLE)
    for number in range(200):
        world.cloud.has(backup_id(number))
        world.put(NewMessage(body=f'{{"backup_id": "{backup_id(number)}"}}'))
    world.run(86_400.0)
    assert world.waiting == 200
    world.cloud.down = None
    world.run(86_400.0 + 3 * 7200)
    assert world.waiting == 0
    assert world.cloud.backups == {}
    assert len(world.bus.results) == 200


def test_the_story_of_a_world_is_the_same_for_the_same_seed() -> None:
    def story() -> tuple[list[tuple[str, str]], int]:
        world = PatientWorld(5)
        keeps_failing(world)
        waiting_for(world)
        world.run(86_400.0, lambda: keeps_failing(world))
        return world.cloud.calls, world.most_receives()

    assert story() == story()
