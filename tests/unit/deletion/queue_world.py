"""A world with a queue that keeps its messages, and a clock that jumps to the next one."""

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.unit.deletion.world import ONE, KilledError, MemoryQueue, World, ask, sqs_record
from vbs_reaper.deletion.message import NewMessage

TWELVE_DAYS_S = 12 * 86_400.0
RECEIVES_ALLOWED = 400


@dataclass(order=True)
class Stored:
    """A message in the queue."""

    visible_at: float
    number: int
    new: NewMessage = field(compare=False)
    sent_at: datetime = field(compare=False)
    receives: int = field(default=0, compare=False)
    first_received_at: datetime | None = field(default=None, compare=False)


class QueueWorld(World):
    def __init__(self, *backups: str, seed: int = 0, environments: int = 1) -> None:
        self.heap: list[Stored] = []
        self.visibility_s = 1200.0
        """The time after which messages of a killed environment are visible again."""
        self._numbers = itertools.count()
        self._taken: dict[str, Stored] = {}
        super().__init__(*backups)
        self.start = self.clock()
        self.queue = KeepingQueue(self)
        chance = random.Random(seed)
        self.deleters = itertools.cycle([self.new_environment(jitter=chance.random) for _ in range(environments)])

    @property
    def elapsed_s(self) -> float:
        return (self.clock() - self.start).total_seconds()

    @property
    def waiting(self) -> int:
        return len(self.heap)

    @property
    def most_receives(self) -> int:
        return max(stored.receives for stored in self.heap)

    def request(self, backup: str = ONE, **fields: object) -> None:
        self.put(NewMessage(body=sqs_record(ask(backup, **fields), "", sent_at=self.clock())["body"]))

    def put(self, new: NewMessage) -> None:
        heapq.heappush(self.heap, Stored(self.elapsed_s + new.delay_s, next(self._numbers), new, self.clock()))

    def hide(self, receipt: str, delay_s: int) -> None:
        self._taken[receipt].visible_at = self.elapsed_s + delay_s

    def run(self, until_s: float = 14 * 86_400.0, each: Callable[[], None] = lambda: None) -> None:
        """Deliver due messages in batches to alternating environments, until this time or until none is left."""
        while self.heap and self.heap[0].visible_at <= until_s:
            self.clock.advance(max(0.0, self.heap[0].visible_at - self.elapsed_s))
            each()
            self.deliver_batch()
        self.clock.advance(max(0.0, until_s - self.elapsed_s))

    def deliver_batch(self, effects: float = float("inf")) -> None:
        """Deliver at most ten due messages to an environment that is killed after this number of effects."""
        batch: list[Stored] = []
        while self.heap and self.heap[0].visible_at <= self.elapsed_s and len(batch) < 10:
            batch.append(heapq.heappop(self.heap))
        self._taken = {}
        for stored in batch:
            stored.receives += 1
            stored.first_received_at = stored.first_received_at or self.clock()
            stored.visible_at = self.elapsed_s + self.visibility_s
            self._taken[f"receipt-of-{stored.number}"] = stored
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
        self.deleter = next(self.deleters)
        self.trouble.effects_left = effects
        try:
            kept = self.deliver(*records)
        except KilledError:
            kept = [str(stored.number) for stored in batch]
        self.trouble.effects_left = float("inf")
        for stored in batch:
            if str(stored.number) in kept:
                heapq.heappush(self.heap, stored)


class KeepingQueue(MemoryQueue):
    """Stores one message after the other, as SQS does: a killed call has stored the previous ones."""

    def __init__(self, world: QueueWorld) -> None:
        super().__init__(world.trouble)
        self._world = world

    def hide(self, delays_s: Mapping[str, int]) -> None:
        for receipt, delay_s in delays_s.items():
            self._world.hide(receipt, delay_s)

    def send(self, messages: Sequence[NewMessage]) -> bool:
        for message in messages:
            self.trouble.effect()
            self._world.put(message)
        return True
