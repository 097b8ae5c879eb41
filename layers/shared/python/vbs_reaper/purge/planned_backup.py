"""One backup of a plan, with the plan's verdict."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.calendar.zone import FAR_AHEAD, Micros
from vbs_reaper.reasons import Reason
from vbs_reaper.text import printable

UNKNOWN_DATA: Final = FAR_AHEAD
"""`data_at` of a backup without a data timestamp, if other backups of the list have one."""

AVAILABLE: Final = "available"
ERROR: Final = "error"

SIZE_LIMIT_GIB: Final = 10**9
"""A size of this or more is considered unreadable."""


class PlannedBackup(msgspec.Struct, kw_only=True, gc=False):
    """A backup with its verdict. Small, because a plan may have a million. A field that is missing or null is None.

    The rules count a backup in its `group` only if it is `in_set`, that is, if the policy applies to it. If `keep` is
    false, the backup is to be deleted: every plan since `selected_since` has selected it, and it is due from `due_at`
    on. `was_selected` is set only while a plan is made: whether the last plan selected it; None if that plan did not
    contain it. `data_at` and `has_dependents` are set for Cinder only and are not stored with the plan: when the data
    were saved, if that is not `made_at`, and whether Cinder reports that other backups depend on this one. Instants are
    microseconds since 1970 UTC. `size` is in GiB.
    """

    id: str
    volume_id: str | None
    name: str | None
    status: str | None
    made_at: Micros | None
    size: int | float | None
    incremental: bool | None
    group: str | None = None
    in_set: bool = False
    keep: bool = True
    reasons: tuple[Reason, ...] = ()
    detail: str | None = None
    was_selected: bool | None = None
    selected_since: Micros | None = None
    due_at: Micros | None = None
    data_at: Micros | None = None
    has_dependents: bool = False

    @property
    def is_copy(self) -> bool:
        """Whether it is a usable copy of its group: in the set, and available."""
        return self.in_set and self.status == AVAILABLE

    @property
    def gib(self) -> int | float:
        """Its size in GiB; 0 if it is unknown."""
        return self.size or 0

    def is_due(self, now: Micros) -> bool:
        """Return whether a purge at `now` requests its deletion."""
        return self.due_at is not None and self.due_at <= now


def newest_first(backup: PlannedBackup) -> tuple[Micros, str]:
    """Return a sort key for `reverse=True`: creation time and ID, as in Cinder's lists. `made_at` must be known."""
    return (backup.made_at or 0, backup.id)


def newest_name(rows: Sequence[PlannedBackup]) -> str:
    """Return the name of the newest backup that has one, if it says more than the group; empty if none does.

    `rows` are the backups of a group, newest first.
    """
    row = next((row for row in rows if row.name), None)
    return row.name if row is not None and row.name and row.name != row.group else ""


def identity_of(backup: PlannedBackup) -> tuple[object, ...]:
    """Return what must be equal, besides the ID, for a backup of another plan to be the same backup."""
    return (backup.volume_id, backup.made_at, backup.name)


def drop_repeats(rows: Sequence[PlannedBackup]) -> Sequence[PlannedBackup]:
    """Return each backup once. A list that changed while its pages were read may contain a backup twice.

    Raises:
        RunRefused: two different backups have the same ID.
    """
    if _are_unique(rows):
        return rows
    by_id: dict[str, PlannedBackup] = {}
    for row in rows:
        if by_id.setdefault(row.id, row) != row:
            raise RunRefused(
                Reason.INVENTORY_DOUBTFUL, f'two different backups have the id "{printable(row.id[:64])}"; list again'
            )
    return list(by_id.values())


def _are_unique(rows: Sequence[PlannedBackup]) -> bool:
    """Return whether all IDs are different.

    The IDs are first divided by their last two characters, then each of the 256 parts is checked with a set. One set of
    a million IDs would use as much memory as a tenth of the plan.
    """
    parts: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        parts[row.id[-2:]].append(row.id)  # pragma: no mutate  # any division finds the same
    return all(len(set(ids)) == len(ids) for ids in parts.values())
