"""Follows requests to their ends in the deleter's log, with a progress bar. Interrupting it does not stop deletions."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vbs_reaper.cli.deletion_log import DeletionLog
from vbs_reaper.cli.log_record import LogRecord
from vbs_reaper.reasons import Reason, Scope

POLL_S: Final = 2.0
EXIT_ALL_GONE: Final = 0
EXIT_SOME_LEFT: Final = 2
"""Exit code of a command that follows deletions if some were refused or parked."""

PASSES_BY_ITSELF: Final = frozenset(
    {
        Reason.HALTED,
        Reason.THROTTLED,
        Reason.LOGIN_BUSY,
        Reason.LOGIN_THROTTLED,
        Reason.SERVICE_DOWN,
        Reason.UNREACHABLE,
    }
)
"""Reasons about a target that usually end without a person."""

KeyOf = Callable[[LogRecord], str | None]
"""Returns the key of the followed request that a record is about, or None if it is about another request."""
OnEnd = Callable[[str, LogRecord], None]
"""Called once per followed request when it ends, with its key and the record."""


class Follower:
    """Polls the log for the ends of the followed requests, and remembers what the others wait for."""

    def __init__(self, log: DeletionLog, pattern: str, since: datetime, key_of: KeyOf) -> None:
        """`pattern` is a filter pattern that matches the records of all followed requests, written after `since`."""
        self._log = log
        self._pattern = pattern
        self._since = since
        self._key_of = key_of
        self.ended: dict[str, LogRecord] = {}
        self._waiting: dict[str, LogRecord] = {}
        self._told: set[str] = set()

    def poll(self) -> list[tuple[str, LogRecord]]:
        """Read the log and return the ends that earlier polls did not return.

        Raises:
            CommandError: the log cannot be read.
        """
        new: list[tuple[str, LogRecord]] = []
        for record in self._log.passes(self._pattern, self._since):
            self._since = max(self._since, record.written_at)
            key = self._key_of(record)
            if key is None or key in self.ended:
                continue
            if record.is_end:
                self.ended[key] = record
                self._waiting.pop(key, None)
                new.append((key, record))
            else:
                self._waiting[key] = record
        return new

    def faults(self) -> list[str]:
        """Return a sentence for each new reason for which requests wait until a person acts."""
        new = [
            record for record in self._waiting.values() if _needs_a_person(record) and record.reason not in self._told
        ]
        sentences = {record.reason: f"{record.detail} ({record.reason}). {_action(record)}" for record in new}
        self._told |= sentences.keys()
        return list(sentences.values())

    @property
    def waits(self) -> str:
        """The three most frequent reasons of the requests that wait, with their numbers; empty if none is known."""
        counts = Counter(_wait_of(record) for record in self._waiting.values())
        return ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common(3))


def _wait_of(record: LogRecord) -> str:
    """Return why a request waits. After the 202, no line says that the deletion is in progress."""
    return record.reason or (Reason.DELETING if record.outcome == "asked" else record.outcome)


def _needs_a_person(record: LogRecord) -> bool:
    reason = record.known_reason
    return reason is not None and reason.scope in {Scope.TARGET, Scope.STACK} and reason not in PASSES_BY_ITSELF


def _action(record: LogRecord) -> str:
    return record.known_reason.action if record.known_reason else ""


def follow_to_the_end(follower: Follower, count: int, console: Console, on_end: OnEnd) -> None:
    """Poll until `count` requests have ended and call `on_end` for each. The progress bar is drawn on `console`.

    Raises:
        CommandError: the log cannot be read.
    """
    columns = (TextColumn("deletions ended"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}", markup=False), console=console) as progress:
        task = progress.add_task("", total=count)
        while len(follower.ended) < count:
            for key, record in follower.poll():
                on_end(key, record)
            for fault in follower.faults():
                console.print(f"waiting: {fault}", style="yellow", markup=False, highlight=False, soft_wrap=True)
            waits = follower.waits
            progress.update(task, completed=len(follower.ended), description=f"waiting: {waits}" if waits else "")
            if len(follower.ended) < count:
                time.sleep(POLL_S)
