"""What the purger needs of the world, from its own side: lists of backups, plans, queue, bus, report.

Clock and queue are the deleter's. `PlansBusy`, or any exception other than `PurgeRefused`, means that the run cannot go
on: the function fails, and whoever invoked it does so again.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.calls.page import Page
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.run.result import PurgeResult


class Mark(StrEnum):
    """What is written beside a plan when its deletions were requested: the due ones, or all with their grace cut."""

    SENT = "sent"
    GRACE_SENT = "grace.sent"


class PlansBusy(PurgeRefused):
    """The store of plans fails in a way that passes: the same run again may succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A plan's document as the store holds it. `stored_at` is the store's word for when it was written."""

    run: str
    body: bytes
    stored_at: datetime


class BackupLists(Protocol):
    """The clouds behind the targets; only looked at."""

    def view_target(self, target: str, time_left: TimeLeft) -> TargetView | Answer:
        """Tell whose project a target is and how it marks holds; an `Answer` where nobody can log in."""
        ...

    def list_backups(
        self, target: str, time_left: TimeLeft, project_id: ProjectId | None = None, address: str | None = None
    ) -> Iterator[Page | Answer]:
        """List all backups of a project at an address; an `Answer` ends a list that is not complete."""
        ...


class PlanStore(Protocol):
    """Plans and their pictures, by policy and run.

    Every method raises `PlansBusy` where the store fails for now, any other `PurgeRefused` where it fails for good.
    """

    def read(self, policy: str, run: str) -> StoredDocument | None:
        """Read a run's document; None where there is none."""
        ...

    def newest(self, policy: str, limit: int) -> Iterator[StoredDocument]:
        """Read the documents stored last, `limit` at most, newest first: each when it is asked for."""
        ...

    def find(self, policy: str, sha256: str) -> StoredDocument | None:
        """Find the document of a hash; None where none is stored under it."""
        ...

    def store(self, policy: str, run: str, plan: Plan) -> bool:
        """Store a run's plan, once; False where the run has one already."""
        ...

    def draw(self, policy: str, run: str, plan: Plan) -> None:
        """Store the picture of a run's plan, unless it is there."""
        ...

    def is_marked(self, policy: str, run: str, mark: Mark) -> bool:
        """Whether a run carries the mark."""
        ...

    def mark(self, policy: str, run: str, mark: Mark, document: bytes) -> bool:
        """Write the mark, once; False where it was there."""
        ...


class Queue(Protocol):
    """The delete queue."""

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send; True only when every message is stored."""
        ...


class Bus(Protocol):
    """The event bus that hears how runs end."""

    def announce(self, detail_type: str, details: Sequence[PurgeResult]) -> bool:
        """Publish events; True only when the bus has taken every one."""
        ...


class Report(Protocol):
    """Logs and metrics of what the purger does; must not raise."""

    def planned(self, result: PurgeResult) -> None:
        """A run has its plan."""
        ...

    def unreadable(self, policy: str, message: str) -> None:
        """The last plan is none: grace begins anew."""
        ...

    def requested(self, policy: str, count: int) -> None:
        """So many deletions are in the queue."""
        ...

    def ended(self, result: PurgeResult) -> None:
        """The run ended so."""
        ...
