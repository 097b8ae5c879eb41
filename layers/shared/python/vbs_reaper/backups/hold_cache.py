"""Keeps the listing of the holds for a few seconds, so a batch of deletions does not list them again and again."""

from datetime import timedelta
from threading import Lock
from typing import Final

from vbs_reaper.backups.holds import Hold, HoldRecord, Holds
from vbs_reaper.backups.ports import HoldStore
from vbs_reaper.clock import Clock
from vbs_reaper.errors import BucketUnusable
from vbs_reaper.text import printable

VALID: Final = timedelta(seconds=30)
"""How old a listing may be when a DELETE or a batch of requests is sent. With the time that a call takes, nothing is
sent later than 60 seconds after a hold was written."""


class HoldCache:
    """The holds of the stack as of the last seconds. Several threads may use it: one lists, the others wait for it."""

    def __init__(self, store: HoldStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = Lock()
        self._holds: Holds | None = None
        self._records: dict[str, HoldRecord] = {}
        self._failure: BucketUnusable | None = None
        self._failures = 0

    def current(self, not_older_than: timedelta = VALID) -> Holds:
        """Return the holds, listed at most this long ago.

        Raises:
            BucketUnusable: they cannot be listed.
        """
        failures = self._failures
        with self._lock:
            holds = self._holds
            if holds is not None and timedelta() <= self._clock() - holds.listed_at <= not_older_than:
                return holds
            if self._failure is not None and self._failures != failures:
                raise self._failure  # the listing of another thread failed while this one waited
            return self._list()

    def _list(self) -> Holds:
        began_at = self._clock()
        try:
            holds = Holds(self._store.list_holds(), listed_at=began_at)
        except BucketUnusable as failure:
            self._failure, self._failures = failure, self._failures + 1
            raise
        names = {hold.name for hold in holds}
        described = self._records.copy()  # another thread may describe a hold meanwhile
        self._records = {name: record for name, record in described.items() if name in names}
        self._holds = holds
        return holds

    def describe(self, hold: Hold) -> str:
        """Return who put something on hold, why and until when, as part of a sentence."""
        record = self._records.get(hold.name) or self._store.read_record(hold)
        if record is None:
            return f"{hold.period} ({hold.name})"
        self._records[hold.name] = record
        return f"by {printable(record.by)} {hold.period}: {printable(record.reason)} ({hold.name})"
