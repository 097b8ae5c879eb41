"""The ports of the purger: plan store, queue, event bus, and report. Lists of backups have their port in `backups`.

If a port raises `PlanStoreBusy`, or any exception other than `RunRefused`, the run cannot be completed: the invocation
fails, and the invoker repeats it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.run_result import PurgeResult


class SentMark(StrEnum):
    """Stored beside a plan once its deletions were requested or left out: those that are due, or also those in grace.

    See `sent_marks`.
    """

    SENT = "sent"
    GRACE_SENT = "grace.sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """The document of a plan as it is stored. `stored_at` is when the store received it, by the clock of the store.

    `pieces` reads the document, which may not fit into memory as a whole; each call reads it from the beginning.
    """

    run: str
    stored_at: datetime
    pieces: Callable[[], Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMark:
    """A mark as it is stored, or a part of one. `document` may be empty if it is too large to be a mark."""

    name: str
    mark: SentMark
    is_part: bool
    stored_at: datetime
    document: bytes


class PlanStore(Protocol):
    """Stores plans and their HTML pages by policy and run.

    Every method raises `PlanStoreBusy` if the store fails in a way that may pass, and any other `RunRefused` if it
    fails in another way.
    """

    def read(self, policy: str, run: str) -> StoredDocument | None:
        """Return the document of a run; None if there is none."""
        ...

    def newest(self, policy: str, before: datetime | None = None) -> Iterator[StoredDocument]:
        """Yield the stored documents, or those stored before a time, newest first.

        Reading one that is gone by then raises `PlanStoreBusy`.
        """
        ...

    def newest_of_others(self, policy: str, target: str, limit: int) -> Iterator[StoredDocument]:
        """Yield the document stored last of each other policy of the target, at most `limit`, in the order of names."""
        ...

    def find(self, policy: str, sha256: str) -> StoredDocument | None:
        """Return the document that was stored with this sha256; None if there is none."""
        ...

    def store(self, policy: str, run: str, plan: Plan) -> str | None:
        """Store the plan of a run; return its sha256. Stores nothing and returns None if the run already has a plan."""
        ...

    def store_page(self, policy: str, run: str, plan: Plan) -> None:
        """Store the HTML page of the plan of a run, unless it exists."""
        ...

    def marks(self, policy: str, run: str) -> Iterable[StoredMark]:
        """Return all marks and parts that are stored for a run, whoever has stored them."""
        ...

    def mark(self, policy: str, run: str, mark: SentMark, document: bytes, *, is_part: bool) -> None:
        """Store a mark, or a part of one, under the first name that is free."""
        ...


class Queue(Protocol):
    """The delete queue."""

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send messages. Returns True only if every message is stored."""
        ...


class Bus(Protocol):
    """The event bus to which the results of runs are published."""

    def announce(self, detail_type: str, details: Sequence[PurgeResult]) -> bool:
        """Publish events. Returns True only if the bus has accepted every one."""
        ...


class Report(Protocol):
    """Writes logs and metrics about runs. Its methods must not raise."""

    def scheduled(self, policy: str) -> None:
        """Report that a run has ended that the schedule of a policy has started."""
        ...

    def planned(self, result: PurgeResult) -> None:
        """Report that a run has stored its plan."""
        ...

    def unreadable(self, policy: str, message: str) -> None:
        """Report that the last plan of a policy cannot be read, so that every grace starts again."""
        ...

    def requested(self, policy: str, count: int) -> None:
        """Report that this many delete requests are in the queue."""
        ...

    def ended(self, result: PurgeResult) -> None:
        """Report how the run ended."""
        ...
