"""A queue, its dead letters, a bus and a cloud in memory, behind the real adapters: each effect can be the last."""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from mypy_boto3_events import EventBridgeClient
from mypy_boto3_sqs import SQSClient

from tests.support.doubles import DELETER, HoldStoreInMemory, ManualClock
from tests.unit.deletion.world import VIEW, AtOnce, MemoryReport
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.backups.answer import Answer, AnswerName, Listing
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.result import SOURCE

QUEUE = "https://sqs.example/1/delete"
DEAD_LETTERS = "https://sqs.example/1/dead"
Record = dict[str, Any]


class Killed(BaseException):
    """The environment ended here: nothing after it happens."""


class Fuse:
    """Counts effects; the one after the last that is allowed kills instead."""

    def __init__(self) -> None:
        self.left: float = float("inf")

    def burn(self) -> None:
        if self.left <= 0:
            raise Killed
        self.left -= 1


class Sqs:
    """Stores entry by entry, as SQS does; a killed call has stored the entries before."""

    def __init__(self, fuse: Fuse, clock: ManualClock) -> None:
        self._fuse = fuse
        self._clock = clock
        self._ids = itertools.count()
        self.stored: dict[str, list[Record]] = {QUEUE: [], DEAD_LETTERS: []}

    def send_message_batch(self, *, QueueUrl: str, Entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        stored = []
        for entry in Entries:
            self._fuse.burn()
            self.put(QueueUrl, entry["MessageBody"], entry["MessageAttributes"])
            stored.append({"Id": entry["Id"]})
        return {"Successful": stored}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Iterable[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def put(self, queue_url: str, body: str, attributes: Mapping[str, Any] | None = None) -> str:
        message_id = f"m-{next(self._ids)}"
        self.stored[queue_url].append(
            {
                "messageId": message_id,
                "receiptHandle": message_id,
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "0",
                    "ApproximateFirstReceiveTimestamp": str(int(self._clock.now.timestamp() * 1000)),
                    "SenderId": DELETER,
                    "SentTimestamp": str(int(self._clock.now.timestamp() * 1000)),
                },
                "messageAttributes": {
                    name: {"stringValue": value["StringValue"]} for name, value in (attributes or {}).items()
                },
            }
        )
        return message_id


class Events:
    """A bus that takes every entry, but for what it is told to turn away."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self.turns_away: Callable[[dict[str, Any]], bool] = lambda _: False
        self.heard: list[dict[str, Any]] = []

    def describe_event_bus(self, *, Name: str) -> dict[str, Any]:  # noqa: N803
        return {"Name": Name}

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:  # noqa: N803
        answers = [self._put(json.loads(entry["Detail"])) for entry in Entries]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _put(self, detail: dict[str, Any]) -> dict[str, str]:
        if self.turns_away(detail):
            return {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
        self._fuse.burn()
        self.heard.append(detail)
        return {"EventId": "e"}


class SmallCloud:
    """Backups that are gone one look after their DELETE."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._status: dict[str, str] = {}
        self.deletes: Counter[str] = Counter()

    def add(self, backup_ids: Iterable[str]) -> None:
        self._status |= dict.fromkeys(backup_ids, "available")

    @property
    def remaining(self) -> set[str]:
        return {*self._status}

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        status = self._status.get(ref.backup_id)
        if status is None:
            return Answer(name=AnswerName.GONE, status=404, request_id="req-1", at=self._clock(), target=VIEW)
        if status == "deleting":
            del self._status[ref.backup_id]
        backup = Backup(
            id=ref.backup_id,
            volume_id="v",
            status_text=status,
            created_at_text="2026-11-01T00:00:00",
            name=None,
            description=None,
        )
        return Answer(name=AnswerName.FOUND, status=200, at=self._clock(), backup=backup, target=VIEW)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        self.deletes[ref.backup_id] += 1
        self._status[ref.backup_id] = "deleting"
        return Answer(name=AnswerName.ACCEPTED, status=202, at=self._clock(), target=VIEW)

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        return Listing(backups=())


class SmallWorld:
    """Everything, and the poller between queue and function; what is hidden or delayed it delivers all the same."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.fuse = Fuse()
        self.sqs = Sqs(self.fuse, self.clock)
        self.events = Events(self.fuse)
        self.cloud = SmallCloud(self.clock)
        self.deleter = self._new_environment()

    def send(self, body: object) -> str:
        """Put a request into the queue; its message id."""
        return self.sqs.put(QUEUE, body if isinstance(body, str) else json.dumps(body))

    @property
    def waiting(self) -> list[Record]:
        """What the queue holds."""
        return self.sqs.stored[QUEUE]

    @property
    def letters(self) -> list[Record]:
        """The dead letters."""
        return self.sqs.stored[DEAD_LETTERS]

    def deliver(self, until: Callable[[], bool] = lambda: False) -> None:
        """Deliver until the queue is empty or something holds."""
        while self.waiting and not until():
            self.deliver_once()

    def deliver_once(self) -> None:
        """Deliver one batch, one base after the last; what it kept goes to the end of the queue.

        If the environment is killed, the whole batch does.
        """
        self.clock.advance(60)
        batch, self.waiting[:] = self.waiting[:10], self.waiting[10:]
        for record in batch:
            received = int(record["attributes"]["ApproximateReceiveCount"]) + 1
            record["attributes"]["ApproximateReceiveCount"] = str(received)
        kept = {record["messageId"] for record in batch}
        try:
            answer = self.deleter.handle({"Records": batch}, lambda: 60.0, "invocation")
            kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        except Killed:
            self.deleter = self._new_environment()
        self.waiting.extend(record for record in batch if record["messageId"] in kept)

    def deliver_and_kill(self, after_effects: int) -> None:
        """Deliver one batch to an environment that is killed after so many effects."""
        self.fuse.left = after_effects
        self.deliver_once()
        self.fuse.left = float("inf")

    def _new_environment(self) -> Deleter:
        return Deleter(
            backups=self.cloud,
            holds=HoldStoreInMemory(),
            queue=DeleteQueue(cast("SQSClient", self.sqs), QUEUE, DEAD_LETTERS),
            bus=EventBus(cast("EventBridgeClient", self.events), "bus", SOURCE),
            report=MemoryReport(),
            clock=self.clock,
            jitter=lambda: 0.5,
            default_target="default",
            base_s=60,
            calls_at_once=5,
            trusted_senders={DELETER},
            threads=AtOnce(),
        )
