"""In-memory fakes around the deleter: a cloud, a queue, a bus and a report; and messages as in Lambda."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from types import NoneType
from typing import Any, ParamSpec, TypeVar

import msgspec

from tests.support.doubles import DELETER, HoldStoreInMemory, ManualClock
from vbs_reaper.backups.answer import Answer, AnswerName, CallRecord, Listing, Operation, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft
from vbs_reaper.deletion.decision import (
    AlreadyGone,
    Decision,
    ListVolume,
    ObserveAgain,
    ObserveSurvivors,
    PassEnd,
    SendDelete,
    Step,
    Unanswered,
)
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


ONE, TWO, THREE = (backup_id(number) for number in (1, 2, 3))
OLD = timedelta(days=12)
"""From this age on, a request does not wait any longer."""
THEN = "2026-11-25T03:00:00+00:00"
ASKED = {"asked_at": THEN}
UNANSWERED = {"unanswered_at": THEN}


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


WORDS = {
    AlreadyGone: "already_gone",
    ObserveAgain: "look again",
    ObserveSurvivors: "look at survivors",
    SendDelete: "ask",
    ListVolume: "list the volume",
    NoneType: "stays",
}


def in_words(decision: PassEnd | Step | None) -> str:
    """Return the decision and its reason, such as "wait busy"; or the next step of the pass, such as "ask".

    None is what is decided about a survivor that is usable.
    """
    if isinstance(decision, Unanswered):
        return f"unanswered {decision.wait.reason}"
    kind = WORDS.get(type(decision), type(decision).__name__.lower())
    return f"{kind} {getattr(decision, 'reason', '')}".rstrip()


class BrokenPortError(Exception):
    """A fault of this software inside a port."""


class KilledError(BaseException):
    """The environment was killed here."""


@dataclass
class InjectedFaults:
    """Decides at which call a port raises or refuses, and after how many effects the environment is killed."""

    raises: frozenset[tuple[str, int]] = frozenset()
    refuses: frozenset[tuple[str, int]] = frozenset()
    effects_left: float = float("inf")
    story: list[str] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def strikes(self, port: str) -> bool:
        """Return whether this call is refused, or raise."""
        with self._lock:
            count = self._counts[port] = self._counts.get(port, 0) + 1
            self.story.append(port)
        if (port, count) in self.raises or (port, 0) in self.raises:
            raise BrokenPortError(port)
        return (port, count) in self.refuses or (port, 0) in self.refuses

    def effect(self) -> None:
        """Allow one lasting effect, or kill the environment instead."""
        if self.effects_left <= 0:
            raise KilledError
        self.effects_left -= 1


OPERATIONS = {
    "show": Operation.SHOW_BACKUP,
    "delete": Operation.DELETE_BACKUP,
    "list": Operation.LIST_BACKUPS,
}


@dataclass
class MemoryCloud:
    """Backups by ID. A deletion takes `deletion_s`; `scripted` answers come first, `down` before everything.

    `meanwhile` is called during each call, before it is answered.
    """

    clock: ManualClock
    trouble: InjectedFaults = field(default_factory=InjectedFaults)
    view: TargetInfo = VIEW
    backups: dict[str, dict[str, Any]] = field(default_factory=dict)
    scripted: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    down: Answer | None = None
    meanwhile: Callable[[str, BackupRef], None] = lambda _operation, _ref: None
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
        self.trouble.strikes(operation)
        self.calls.append((operation, ref.backup_id))
        self.refs.append(ref)
        ref.recorder(CallRecord(operation=OPERATIONS[operation], status="", at=self.clock(), backup_id=ref.backup_id))
        self.meanwhile(operation, ref)
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
    """Records what was sent, dead-lettered and hidden."""

    trouble: InjectedFaults = field(default_factory=InjectedFaults)
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
        self.trouble.effect()
        if self.trouble.strikes("dead_letter"):
            return False
        self.letters.append(letter)
        return True


@dataclass
class MemoryBus:
    """Records what was published."""

    trouble: InjectedFaults = field(default_factory=InjectedFaults)
    turns_away: Callable[[Result], bool] = lambda _: False
    results: list[Result] = field(default_factory=list)

    def publish(self, results: Sequence[Result]) -> bool:
        if self.trouble.strikes("publish") or self.turns_away(results[0]):
            return False
        self.trouble.effect()
        self.results.extend(results)
        return True


@dataclass
class MemoryReport:
    """Records decisions by message ID, with their times and calls."""

    trouble: InjectedFaults = field(default_factory=InjectedFaults)
    decisions: list[tuple[str, Decision]] = field(default_factory=list)
    calls: list[tuple[datetime, list[Operation]]] = field(default_factory=list)
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
        self.calls.append((now, [call.operation for call in calls]))
        self.trouble.strikes("decided")

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        self.failures.append((message.message_id, step))
        self.trouble.strikes("failed")

    def split(self, message: Message, children: int, refused: int) -> None:
        self.splits.append((children, refused))
        self.trouble.strikes("split")

    def last(self, message_id: str) -> Decision:
        return next(decision for name, decision in reversed(self.decisions) if name == message_id)


class InlineExecutor(Executor):
    """Runs everything immediately, without threads."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # as in a thread pool
            future.set_exception(error)
        return future


class World:
    """A deleter with in-memory ports. The cloud has these backups."""

    def __init__(
        self,
        *backups: str,
        trouble: InjectedFaults | None = None,
        threads: Executor | None = None,
        base_s: int = BASE_S,
    ) -> None:
        self.clock = ManualClock()
        self.trouble = trouble or InjectedFaults()
        self.cloud = MemoryCloud(self.clock, self.trouble)
        self.holds = HoldStoreInMemory()
        self.queue = MemoryQueue(self.trouble)
        self.bus = MemoryBus(self.trouble)
        self.report = MemoryReport(self.trouble)
        self.left_s = 60.0
        self.base_s = base_s
        self.threads = threads or InlineExecutor()
        self.deleter = self.new_environment()
        for each in backups:
            self.cloud.has(each)

    def new_environment(self, **changes: Any) -> Deleter:  # noqa: ANN401  # arguments of the deleter
        arguments: dict[str, Any] = {
            "backups": self.cloud,
            "holds": self.holds,
            "queue": self.queue,
            "bus": self.bus,
            "report": self.report,
            "clock": self.clock,
            "jitter": lambda: 0.5,
            "default_target": "default",
            "base_s": self.base_s,
            "calls_at_once": 5,
            "trusted_senders": {DELETER},
            "threads": self.threads,
        }
        return Deleter(**arguments | changes)

    def deliver(self, *records: Mapping[str, Any]) -> list[str]:
        """Deliver a batch; return the IDs of the messages that stay."""
        response = self.deleter.handle({"Records": list(records)}, lambda: self.left_s, "invocation")
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def process(self, body: object, message_id: str = "m-1", **how: Any) -> str:  # noqa: ANN401  # see `message`
        """Deliver one message; return the decision in words."""
        self.deliver(self.message(body, message_id, **how))
        return self.decision(message_id)

    def decision(self, message_id: str = "m-1") -> str:
        return in_words(self.report.last(message_id))

    def invoke(self, request: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
        """Invoke the function directly."""
        return self.deleter.handle(request, lambda: self.left_s, "i-1")

    @property
    def ends(self) -> list[str]:
        """The outcome and the reason of each result that was published."""
        return [f"{result.outcome.value} {result.reason}" for result in self.bus.results]

    @property
    def letters(self) -> list[str]:
        """The reason of each dead letter."""
        return [letter.attributes["reason"] for letter in self.queue.letters]

    def called(self, *operations: str) -> list[str]:
        """The backup of each of these calls."""
        return [backup for operation, backup in self.cloud.calls if operation in operations]

    def message(self, body: object, message_id: str = "m-1", **how: Any) -> dict[str, Any]:  # noqa: ANN401
        """A message of this `age` (zero if it is not given); `sqs_record` has the other arguments."""
        return sqs_record(body, message_id, sent_at=self.clock() - how.pop("age", timedelta()), **how)

    def second_delivery(self, body: object, message_id: str = "m-1", **how: Any) -> dict[str, Any]:  # noqa: ANN401
        """A message that was first received one base ago: a proven 404 ends it."""
        return self.message(body, message_id, **{"age": timedelta(seconds=self.base_s), "receives": 2} | how)


def ask(backup: str, *survivors: str, **fields: object) -> dict[str, Any]:
    expect = {"expect": {"survivors": list(survivors)}} if survivors else {}
    return {"backup_id": backup} | expect | fields


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
    """One record of Lambda's SQS event, first received when it was sent unless `first_received_at` is given."""
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
