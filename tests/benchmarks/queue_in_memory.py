"""The queue, the bus and the report of one deleter, in memory: what it asks of them, and nothing else."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from vbs_reaper.clock import Clock
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import Result


class QueueInMemory:
    """A delete queue on a clock. Implements `deletion.ports.Queue`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self._sent = 0
        self.dead_letters: list[NewMessage] = []

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Store them all."""
        with self._lock:
            for message in messages:
                self._sent += 1
                record = record_of(f"message-{self._sent}", message, self._clock())
                self._waiting[record["messageId"]] = (self._clock() + timedelta(seconds=message.delay_s), record)
        return True

    def hide(self, delays_s: Mapping[str, int]) -> None:
        """Hide those: they come back so much later."""
        with self._lock:
            for handle, delay_s in delays_s.items():
                record = self._waiting[handle][1]
                self._waiting[handle] = (self._clock() + timedelta(seconds=delay_s), record)

    def dead_letter(self, letter: NewMessage) -> bool:
        """Store it."""
        self.dead_letters.append(letter)
        return True

    def next_at(self) -> datetime | None:
        """When the next message can be received; None when there is none."""
        return min((moment for moment, _ in self._waiting.values()), default=None)

    def receive(self, most: int = 10) -> list[dict[str, Any]]:
        """Receive what is visible now; each delivery counts."""
        visible = [record for moment, record in self._waiting.values() if moment <= self._clock()][:most]
        for record in visible:
            attributes = record["attributes"]
            attributes["ApproximateReceiveCount"] = str(int(attributes["ApproximateReceiveCount"]) + 1)
        return visible

    def acknowledge(self, received: Sequence[Mapping[str, Any]], response: Mapping[str, Any]) -> None:
        """Forget every message of a batch but those its response names."""
        kept = {failure["itemIdentifier"] for failure in response["batchItemFailures"]}
        for record in received:
            if record["messageId"] not in kept:
                del self._waiting[record["messageId"]]


class BusInMemory:
    """Implements `deletion.ports.Bus`."""

    def __init__(self) -> None:
        self.results: list[Result] = []

    def publish(self, results: Sequence[Result]) -> bool:
        """Take every one."""
        self.results.extend(results)
        return True


def record_of(message_id: str, message: NewMessage, now: datetime) -> dict[str, Any]:
    """A message as Lambda's event shows it, not delivered yet."""
    return {
        "messageId": message_id,
        "receiptHandle": message_id,
        "body": message.body,
        "attributes": {"SentTimestamp": str(int(now.timestamp() * 1000)), "ApproximateReceiveCount": "0"},
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in message.attributes.items()
        },
    }
