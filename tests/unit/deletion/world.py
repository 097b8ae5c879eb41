"""The deleter's neighbours in memory: a cloud, a queue, a bus, a report; and messages as Lambda hands them over."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import msgspec

from tests.support.doubles import DELETER, HoldStoreInMemory, ManualClock
from vbs_reaper.backups.answer import Answer, AnswerName, CallRecord, Listing, Operation, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import Decision
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import Message, NewMessage
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import Result

P = ParamSpec("P")
R = TypeVar("R")

BASE_S = 60
PROJECT = ProjectId("5a1e0c7b9d3f4826a0b4c6d8e2f01357")
VOLUME = "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31"
VIEW = TargetInfo(project_id=PROJECT, hold_marker="[hold]", shows_metadata=False)


def backup_id(number: int) -> BackupId:
    return BackupId(f"{number:08x}-0b0a-4a5e-9c3e-{number:012x}")


def record(backup: str, **fields: object) -> dict[str, Any]:
    """A backup as the cloud shows it."""
    return {
        "id": backup,
        "volume_id": VOLUME,
        "status": "available",
        "created_at": "2026-11-20T02:00:00.000000",
        "updated_at": "2026-11-20T02:10:00.000000",
        "name": "daily",
        "description": None,
    } | fields


def read(fields: Mapping[str, Any]) -> Backup:
    return msgspec.convert(fields, Backup)


def found(backup: str, view: TargetInfo = VIEW, **fields: object) -> Answer:
    return Answer(name=AnswerName.FOUND, status=200, backup=read(record(backup, **fields)), target=view)


STATUSES = {AnswerName.GONE: 404, AnswerName.ACCEPTED: 202, AnswerName.UNAVAILABLE: 503}


def answer(
    name: AnswerName,
    *,
    retry_after_s: float | None = None,
    at: datetime | None = None,
    status: int | None = None,
    view: TargetInfo | None = None,
) -> Answer:
    """An answer that shows no backup. Its message is its name."""
    return Answer(
        name=name,
        status=status or STATUSES.get(name, 500),
        message=name.value,
        request_id="req-7",
        retry_after_s=retry_after_s,
        at=at,
        target=view,
    )


class BrokenPortError(Exception):
    """A fault of this software inside a port."""


@dataclass
class Trouble:
    """Says at which call a port raises or refuses; hands every step to one story, in order."""

    raises: frozenset[tuple[str, int]] = frozenset()
    refuses: frozenset[tuple[str, int]] = frozenset()
    story: list[tuple[str, str]] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def strikes(self, port: str, about: str = "") -> bool:
        """Whether this call is refused; raises where it shall."""
        with self._lock:
            count = self._counts[port] = self._counts.get(port, 0) + 1
            self.story.append((port, about))
        if (port, count) in self.raises or (port, 0) in self.raises:
            raise BrokenPortError(port)
        return (port, count) in self.refuses or (port, 0) in self.refuses

    def steps(self, *ports: str) -> list[str]:
        """The story, of these ports only."""
        return [port for port, _ in self.story if port in ports]


_OPERATIONS = {
    "show": Operation.SHOW_BACKUP,
    "delete": Operation.DELETE_BACKUP,
    "list": Operation.LIST_BACKUPS,
}


@dataclass
class MemoryCloud:
    """Backups by id. A deletion takes `deletion_s`; `scripted` answers come first, `down` before everything."""

    clock: ManualClock
    trouble: Trouble = field(default_factory=Trouble)
    view: TargetInfo = VIEW
    backups: dict[str, dict[str, Any]] = field(default_factory=dict)
    scripted: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    down: Answer | None = None
    deletion_s: float = 30.0
    calls: list[tuple[str, str]] = field(default_factory=list)
    refs: list[BackupRef] = field(default_factory=list)
    deleted: dict[str, datetime] = field(default_factory=dict)

    def has(self, backup: str, **fields: object) -> None:
        self.backups[backup] = record(backup, **fields)

    def answers(self, operation: str, backup: str, *answers: Answer) -> None:
        self.scripted.setdefault((operation, backup), []).extend(answers)

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        return self._called("show", ref) or self._show(ref.backup_id)

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        early = self._called("delete", ref)
        if early is not None:
            return early
        backup = self._current(ref.backup_id)
        if backup is None:
            return self._stamped(AnswerName.GONE)
        if backup["status"] not in {"available", "error"}:
            return self._stamped(AnswerName.WRONG_STATE)
        if self._has_dependents(backup):
            return self._stamped(AnswerName.HAS_DEPENDENTS)
        backup |= {"status": "deleting", "updated_at": self.clock().isoformat()}
        self.deleted[ref.backup_id] = self.clock()
        return self._stamped(AnswerName.ACCEPTED)

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        early = self._called("list", ref)
        if early is not None:
            return early
        mine = [
            each for key in list(self.backups) if (each := self._current(key)) and each.get("volume_id") == volume_id
        ]
        return Listing(backups=tuple(read(each) for each in mine))

    def _called(self, operation: str, ref: BackupRef) -> Answer | None:
        self.trouble.strikes(operation, ref.backup_id)
        self.calls.append((operation, ref.backup_id))
        self.refs.append(ref)
        ref.recorder(CallRecord(operation=_OPERATIONS[operation], status="", at=self.clock(), backup_id=ref.backup_id))
        if self.down is not None:
            return self.down
        script = self.scripted.get((operation, ref.backup_id))
        return script.pop(0) if script else None

    def _current(self, backup: str) -> dict[str, Any] | None:
        asked = self.deleted.get(backup)
        if asked is not None and (self.clock() - asked).total_seconds() >= self.deletion_s:
            self.backups.pop(backup, None)
        return self.backups.get(backup)

    def _show(self, backup: str) -> Answer:
        current = self._current(backup)
        if current is None:
            return self._stamped(AnswerName.GONE)
        return Answer(name=AnswerName.FOUND, status=200, backup=read(current), target=self.view, at=self.clock())

    def _has_dependents(self, backup: Mapping[str, Any]) -> bool:
        return any(
            each.get("is_incremental")
            and each.get("volume_id") == backup["volume_id"]
            and each["created_at"] > backup["created_at"]
            for key in list(self.backups)
            if (each := self._current(key))
        )

    def _stamped(self, name: AnswerName) -> Answer:
        return answer(name, at=self.clock(), view=self.view)


@dataclass
class MemoryQueue:
    """What was sent, dead-lettered and hidden."""

    trouble: Trouble = field(default_factory=Trouble)
    sent: list[NewMessage] = field(default_factory=list)
    letters: list[NewMessage] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)

    def hide(self, delays_s: Mapping[str, int]) -> None:
        self.trouble.strikes("hide")
        self.hidden.update(delays_s)

    def send(self, messages: Sequence[NewMessage]) -> bool:
        if self.trouble.strikes("send"):
            return False
        self.sent.extend(messages)
        return True

    def dead_letter(self, letter: NewMessage) -> bool:
        if self.trouble.strikes("dead_letter", letter.attributes["reason"]):
            return False
        self.letters.append(letter)
        return True


@dataclass
class MemoryBus:
    """What was published."""

    trouble: Trouble = field(default_factory=Trouble)
    results: list[Result] = field(default_factory=list)

    def publish(self, results: Sequence[Result]) -> bool:
        if self.trouble.strikes("publish", results[0].outcome):
            return False
        self.results.extend(results)
        return True


@dataclass
class MemoryReport:
    """What was decided, by message id, and after which calls."""

    trouble: Trouble = field(default_factory=Trouble)
    decisions: list[tuple[str, Decision]] = field(default_factory=list)
    calls: list[tuple[str, list[Operation]]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    splits: list[tuple[int, int]] = field(default_factory=list)

    def began(self, message: Message, now: datetime) -> None:
        self.trouble.strikes("began")

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[CallRecord] = (),
    ) -> None:
        self.decisions.append((message.message_id, decision))
        self.calls.append((message.message_id, [call.operation for call in calls]))
        self.trouble.strikes("decided")

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        self.failures.append((message.message_id, step))
        self.trouble.strikes("failed")

    def split(self, message: Message, children: int, refused: int) -> None:
        self.splits.append((children, refused))
        self.trouble.strikes("split")

    def last(self, message_id: str) -> Decision:
        return next(decision for name, decision in reversed(self.decisions) if name == message_id)


class AtOnce(Executor):
    """Runs everything where it is submitted, in order: no threads."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # a pool keeps it for whoever asks
            future.set_exception(error)
        return future


class World:
    """A deleter and all its neighbours."""

    def __init__(
        self, *, trouble: Trouble | None = None, threads: Executor | None = None, base_s: int = BASE_S
    ) -> None:
        self.clock = ManualClock()
        self.trouble = trouble or Trouble()
        self.cloud = MemoryCloud(self.clock, self.trouble)
        self.holds = HoldStoreInMemory()
        self.queue = MemoryQueue(self.trouble)
        self.bus = MemoryBus(self.trouble)
        self.report = MemoryReport(self.trouble)
        self.left_s = 60.0
        self.base_s = base_s
        self.threads = threads or AtOnce()
        self.deleter = self.new_environment()

    def new_environment(self, jitter: Callable[[], float] = lambda: 0.5, **changes: Any) -> Deleter:  # noqa: ANN401
        """A deleter before these neighbours, with `changes` to its arguments."""
        arguments: dict[str, Any] = {
            "backups": self.cloud,
            "holds": self.holds,
            "queue": self.queue,
            "bus": self.bus,
            "report": self.report,
            "clock": self.clock,
            "jitter": jitter,
            "default_target": "default",
            "base_s": self.base_s,
            "calls_at_once": 5,
            "trusted_senders": {DELETER},
            "threads": self.threads,
        }
        return Deleter(**arguments | changes)

    def deliver(self, *records: Mapping[str, Any]) -> list[str]:
        """Hand over a batch; the ids of the messages that stay."""
        response = self.deleter.handle({"Records": list(records)}, lambda: self.left_s, "invocation")
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def message(self, body: object, message_id: str = "m-1", **how: Any) -> dict[str, Any]:  # noqa: ANN401  # handed on
        return sqs_record(body, message_id, sent_at=how.pop("sent_at", self.clock()), **how)

    def second_delivery(self, body: object, message_id: str = "m-1", **how: Any) -> dict[str, Any]:  # noqa: ANN401
        """A message that was first received one base ago: a proven 404 ends it."""
        sent_at = how.pop("sent_at", self.clock() - timedelta(seconds=self.base_s))
        return sqs_record(body, message_id, sent_at=sent_at, receives=how.pop("receives", 2), **how)


def sqs_record(
    body: object,
    message_id: str,
    *,
    sent_at: datetime,
    receives: int = 1,
    attributes: Mapping[str, str] | None = None,
    sender: str = f"{DELETER}:deleter",
    first_received_at: datetime | None = None,
) -> dict[str, Any]:
    """One record of Lambda's SQS event. It was first received when it was sent unless `first_received_at` is given."""
    return {
        "messageId": message_id,
        "receiptHandle": f"receipt-of-{message_id}",
        "body": body if isinstance(body, str) else msgspec.json.encode(body).decode(),
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(int(sent_at.timestamp() * 1000)),
            "ApproximateFirstReceiveTimestamp": str(int((first_received_at or sent_at).timestamp() * 1000)),
            "SenderId": sender,
        },
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in (attributes or {}).items()
        },
        "eventSource": "aws:sqs",
    }
