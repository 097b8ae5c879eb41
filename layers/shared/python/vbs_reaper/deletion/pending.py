"""Counts the deletions of one target that this execution environment has seen pending: more of them, longer waits."""

from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.deletion.backoff import CEILING_S, PENDING_S

WINDOW: Final = timedelta(seconds=CEILING_S)
"""The longest wait: a deletion that was not seen for longer has ended, or other environments see it."""
LIMIT: Final = round(CEILING_S / PENDING_S)
"""With more deletions no wait grows any further."""


class PendingDeletions:
    """The backups that were accepted for deletion or shown as `deleting`, and when last. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: dict[BackupId, datetime] = {}
        """The one that was not seen for the longest time comes first."""

    def count(self, now: datetime) -> int:
        """Return how many were seen in the last two hours."""
        with self._lock:
            while self._seen and now - next(iter(self._seen.values())) > WINDOW:
                del self._seen[next(iter(self._seen))]
            return len(self._seen)

    def add(self, backup_id: BackupId, now: datetime) -> None:
        """Record that a deletion is pending."""
        with self._lock:
            self._seen.pop(backup_id, None)
            self._seen[backup_id] = now
            if len(self._seen) > LIMIT:
                del self._seen[next(iter(self._seen))]

    def remove(self, backup_id: BackupId) -> None:
        """Record that a deletion has ended."""
        with self._lock:
            self._seen.pop(backup_id, None)
