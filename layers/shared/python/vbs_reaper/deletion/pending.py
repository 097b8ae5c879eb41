"""Counts the deletions that this execution environment waits for: the more of them, the longer each waits."""

import heapq
from datetime import datetime
from threading import Lock
from typing import Final

from vbs_reaper.deletion.backoff import CEILING_S, PENDING_S

LIMIT: Final = round(CEILING_S / PENDING_S)
"""With more deletions no wait grows any further."""


class PendingDeletions:
    """The moments at which the pending deletions of one target are due to be observed again. Thread-safe.

    Each counts until it is due. Whichever environment observes it then, counts it from then on.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._due: list[datetime] = []
        """A heap."""

    def count(self, now: datetime) -> int:
        """Return how many are not due yet, at most `LIMIT`."""
        with self._lock:
            while self._due and self._due[0] <= now:
                heapq.heappop(self._due)
            return len(self._due)

    def add(self, due: datetime) -> None:
        """Count another one until it is due."""
        with self._lock:
            heapq.heappush(self._due, due)
            if len(self._due) > LIMIT:
                heapq.heappop(self._due)
