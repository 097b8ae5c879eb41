"""What the deleter needs of AWS: queue, bus and report.

Every method may be called from several threads at once. What AWS does is returned as a value; an exception is a fault
of this software and leaves the message in the queue.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from vbs_reaper.backups.answer import CallRecord
from vbs_reaper.deletion.decision import Decision
from vbs_reaper.deletion.message import Message, NewMessage
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import Result


class Queue(Protocol):
    """The delete queue and its dead-letter queue."""

    def hide(self, delays_s: Mapping[str, int]) -> None:
        """Hide messages, given by receipt handle, for whole seconds. One that fails returns by itself, later."""
        ...

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send to the delete queue; True only if every message is stored."""
        ...

    def dead_letter(self, letter: NewMessage) -> bool:
        """Send to the dead-letter queue; True only if it is stored."""
        ...


class Bus(Protocol):
    """The event bus for results."""

    def publish(self, results: Sequence[Result]) -> bool:
        """Publish result events; True only if the bus has taken every one."""
        ...


class Report(Protocol):
    """Logs and metrics."""

    def began(self, message: Message, now: datetime) -> None:
        """Record that a message was delivered."""
        ...

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[CallRecord] = (),
    ) -> None:
        """Record how a pass ended, after these calls. `request` is None if the body could not be read."""
        ...

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        """Record that a step (`publish`, `dead_letter`, `send`, `hide`, `pass`) failed; the message returns."""
        ...

    def split(self, message: Message, children: int, refused: int) -> None:
        """Record that a bulk request was split: how many requests were sent and how many elements were refused."""
        ...


class BestEffortReport:
    """Passes everything to a report and suppresses its exceptions: reporting must never fail a request."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def began(self, message: Message, now: datetime) -> None:
        """See `Report.began`."""
        with suppress(Exception):
            self._report.began(message, now)

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[CallRecord] = (),
    ) -> None:
        """See `Report.decided`."""
        with suppress(Exception):
            self._report.decided(message, request, decision, now, calls)

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        """See `Report.failed`."""
        with suppress(Exception):
            self._report.failed(message, step, error)

    def split(self, message: Message, children: int, refused: int) -> None:
        """See `Report.split`."""
        with suppress(Exception):
            self._report.split(message, children, refused)
