"""Virtual time: events happen in order, also while a call waits. No real time passes."""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
HOUR = 3600.0
DAY = 86_400.0


class Timeline:
    """The seconds since the start, and scheduled events."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Schedule an event, or run it next if its time is past."""
        heapq.heappush(self._due, (when, next(self._numbers), act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self.now + seconds, act)

    def pass_by(self, seconds: float) -> None:
        """Advance the time and run the events that are due, which may take longer."""
        self.run(self.now + seconds)

    def run(self, until: float) -> None:
        while self._due and self._due[0][0] <= until:
            when, _, act = heapq.heappop(self._due)
            self.now = max(self.now, when)
            act()
        self.now = max(self.now, until)

    def moment(self, seconds: float | None = None) -> datetime:
        return START + timedelta(seconds=self.now if seconds is None else seconds)


def seconds_of(moment: datetime) -> float:
    return (moment - START).total_seconds()
