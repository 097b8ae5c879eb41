"""Following requests to their ends by the deleter's log, with progress. To stop looking stops no deletion."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import TextColumn
from rich.progress import TimeElapsedColumn

from vbs_reaper.console.deleter_log import DeleterLog
from vbs_reaper.console.pass_line import PassLine

LOOK_EVERY_S: Final = 2.0
EXIT_ALL_GONE: Final = 0
EXIT_SOME_LEFT: Final = 2
"""Of a command that follows deletions: some were refused or parked."""

Whose = Callable[[PassLine], str | None]
"""Which of the followed a line is about; None for a stranger's."""
Tell = Callable[[str, PassLine], None]
"""Hears of each end once: whose it is, and the line."""


class Following:
    """Looks for the ends of what is followed; each is told once, with the last wait of the others in between."""

    def __init__(self, log: DeleterLog, pattern: str, since: datetime, whose: Whose) -> None:
        self._log = log
        self._pattern = pattern
        self._since = since
        self._whose = whose
        self.ended: dict[str, PassLine] = {}
        self._waiting: dict[str, str] = {}

    def look(self) -> list[tuple[str, PassLine]]:
        """Read on; the ends that were not known before.

        Raises:
            Refused: the log cannot be read.
        """
        fresh: list[tuple[str, PassLine]] = []
        for line in self._log.passes(self._pattern, self._since):
            self._since = max(self._since, line.written_at)
            one = self._whose(line)
            if one is None or one in self.ended:
                continue
            if line.is_end:
                self.ended[one] = line
                self._waiting.pop(one, None)
                fresh.append((one, line))
            else:
                self._waiting[one] = line.reason or line.outcome
        return fresh

    @property
    def waits(self) -> str:
        """What the others wait for, the most frequent first; empty where nothing is known."""
        counts = Counter(self._waiting.values())
        return ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common(3))


def follow_to_the_end(following: Following, count: int, console: Console, tell: Tell) -> None:
    """Look until as many have ended, telling of each as it is seen; progress is drawn on `console`.

    Raises:
        Refused: the log cannot be read.
    """
    columns = (TextColumn("deletions ended"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}", markup=False), console=console) as progress:
        task = progress.add_task("", total=count)
        while len(following.ended) < count:
            for whose, line in following.look():
                tell(whose, line)
            waits = following.waits
            progress.update(task, completed=len(following.ended), description=f"waiting: {waits}" if waits else "")
            if len(following.ended) < count:
                time.sleep(LOOK_EVERY_S)
