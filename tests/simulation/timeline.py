"""Virtual time: what is due happens in order, also while somebody waits. No real second passes."""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
HOUR = 3600.0
DAY = 86_400.0


class Timeline:
    """Seconds since the start, and what is to happen when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Let something happen then, or next if that is past."""
        heapq.heappush(self._due, (when, next(self._numbers), act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self.now + seconds, act)

    def pass_by(self, seconds: float) -> None:
        """Let time pass; whatever is due in it happens meanwhile, and may itself take longer."""
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
