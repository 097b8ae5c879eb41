"""Prevents two requests of one execution environment from deleting each other's survivors at the same time."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Lock


class SurvivorClaims:
    """The backups that this environment is deleting. A request whose survivor is among them has to wait.

    Two environments do not know of each other: of two requests that name each other as survivors, both may succeed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._active: Counter[str] = Counter()
        self._kept_until: dict[str, datetime] = {}

    def claim(self, backup_id: str, survivors: Iterable[str], now: datetime, kept_for: timedelta) -> str | None:
        """Claim a backup that is about to be deleted. Returns the survivor that is claimed already, if there is one.

        Claims that have ended are kept for at most `kept_for` from now: the clock may have been set back.
        """
        with self._lock:
            latest = now + kept_for
            kept = self._kept_until.items()
            self._kept_until = {claimed: min(until, latest) for claimed, until in kept if until > now}
            for survivor in survivors:
                if survivor in self._active or survivor in self._kept_until:
                    return survivor
            self._active[backup_id] += 1
            return None

    def release(self, backup_id: str, keep_until: datetime | None) -> None:
        """End a claim; if its DELETE may have been accepted, only at `keep_until`."""
        with self._lock:
            self._active[backup_id] -= 1
            if not self._active[backup_id]:
                del self._active[backup_id]
            if keep_until is not None:
                self._kept_until[backup_id] = keep_until
