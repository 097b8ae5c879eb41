"""The table of backups, in order of creation. Creations and deletions end by themselves."""

import heapq
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from tests.support.simulator.backups.record import BackupRecord, Driver
from tests.support.simulator.journal import GONE, Journal, StateChange

DRIVER_ERROR = "[Errno 21] Is a directory: 'backups'"


class BackupStore:
    """Not thread-safe: the caller holds the lock of the cloud. Every change is recorded in the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._records: dict[str, BackupRecord] = {}
        self.removed: dict[str, BackupRecord] = {}
        """Deleted backups, for the task log of CBR."""
        self._order: list[tuple[datetime, str]] = []
        self._children: dict[str, set[str]] = defaultdict(set)
        self._ends: list[tuple[datetime, str]] = []
        self._deletions: dict[str, datetime] = {}
        self._creations: dict[str, datetime] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[BackupRecord]:
        """Iterate from the oldest to the newest."""
        return iter([self._records[backup_id] for _, backup_id in self._order])

    def get(self, backup_id: str) -> BackupRecord | None:
        """Return the backup with this ID, or None."""
        return self._records.get(backup_id)

    def add(self, records: Iterable[BackupRecord], now: datetime) -> None:
        """Add backups, with one sort for all of them."""
        new = list(records)
        for record in new:
            self._records[record.id] = record
            if record.parent_id:
                self._children[record.parent_id].add(record.id)
            self._record_status(record, now)
        if len(new) == 1:
            insort(self._order, new[0].key)
        else:
            self._order = sorted([*self._order, *(record.key for record in new)])

    def newest_first(self, after: BackupRecord | None = None) -> Iterator[BackupRecord]:
        """Yield all backups, or those that follow a backup in the list."""
        place = len(self._order) if after is None else bisect_left(self._order, after.key)
        for index in range(place - 1, -1, -1):
            yield self._records[self._order[index][1]]

    def has_children(self, backup_id: str) -> bool:
        """Return whether an incremental backup depends on it, even one that is being deleted."""
        return bool(self._children.get(backup_id))

    def set_status(self, record: BackupRecord, status: str, at: datetime) -> None:
        """Set the status of a backup."""
        record.status = status
        record.updated_at = at
        self._deletions.pop(record.id, None)
        self._record_status(record, at)

    def set_creation_time(self, record: BackupRecord, created_at: datetime) -> None:
        """Set the creation time of a backup, which determines its place in lists."""
        del self._order[bisect_left(self._order, record.key)]
        record.created_at = created_at
        insort(self._order, record.key)

    def set_parent(self, record: BackupRecord, parent_id: str | None) -> None:
        """Set the parent of an incremental backup."""
        if record.parent_id:
            self._children[record.parent_id].discard(record.id)
        record.parent_id = parent_id
        if parent_id:
            self._children[parent_id].add(record.id)

    def start_creation(self, record: BackupRecord, now: datetime, seconds: float) -> None:
        """Add a backup that `settle` makes available after `seconds`."""
        self.add([record], now)
        self._creations[record.id] = now + timedelta(seconds=seconds)

    def start_deletion(self, record: BackupRecord, now: datetime, seconds: float) -> None:
        """Accept a deletion that `settle` ends after `seconds`."""
        self.set_status(record, "deleting", now)
        end = now + timedelta(seconds=seconds if record.delete_seconds is None else record.delete_seconds)
        self._deletions[record.id] = end
        heapq.heappush(self._ends, (end, record.id))

    def settle(self, now: datetime, driver_error: str | None) -> None:
        """End the creations and deletions that are due."""
        for backup_id, end in list(self._creations.items()):
            if end <= now:
                del self._creations[backup_id]
                self.set_status(self._records[backup_id], "available", end)
        while self._ends and self._ends[0][0] <= now:
            end, backup_id = heapq.heappop(self._ends)
            record = self._records.get(backup_id)
            if record is not None and self._deletions.get(backup_id) == end:
                self._end_deletion(record, end, driver_error)

    def remove(self, record: BackupRecord, at: datetime) -> None:
        """Delete a backup immediately."""
        self.set_status(record, GONE, at)
        self.removed[record.id] = self._records.pop(record.id)
        del self._order[bisect_left(self._order, record.key)]
        if record.parent_id:
            self._children[record.parent_id].discard(record.id)

    def _end_deletion(self, record: BackupRecord, at: datetime, driver_error: str | None) -> None:
        match Driver.FAILS if driver_error else record.driver:
            case Driver.DELETES:
                self.remove(record, at)
            case Driver.FAILS:
                record.fail_reason = driver_error or DRIVER_ERROR
                self.set_status(record, "error", at)
            case Driver.FAILS_FOR_GOOD:
                record.fail_reason = DRIVER_ERROR
                self.set_status(record, "error_deleting", at)
            case Driver.HANGS:
                self._deletions.pop(record.id)

    def _record_status(self, record: BackupRecord, at: datetime) -> None:
        self._journal.histories[record.id].append(StateChange(at=at, status=record.status))
