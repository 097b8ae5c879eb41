"""One backup of a plan, and what the plan says of it."""

from collections.abc import Sequence
from typing import Final

import msgspec

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.time.zone import FAR_AHEAD
from vbs_reaper.purge.time.zone import Micros

UNKNOWN_DATA: Final = FAR_AHEAD
"""The age of data that an answer shows for others and not for this one."""

AVAILABLE: Final = "available"
ERROR: Final = "error"

SIZE_LIMIT_GIB: Final = 10**9
"""A size of this or more is not believed."""


class PlannedBackup(msgspec.Struct, kw_only=True, gc=False):
    """A backup with its verdict; lean, as a plan may hold a million. Missing and null are both None here.

    `group` is where it would belong; only with `in_set` does it count there. Where `keep` is false it goes: selected
    in every plan since `selected_since`, and due from `due_at` on. Only on Cinder, and not stored with the plan: the
    time of the data where it is not `made_at`, and whether Cinder says that other backups depend on this one.
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
    selected_since: Micros | None = None
    due_at: Micros | None = None
    data_at: Micros | None = None
    has_dependents: bool = False

    @property
    def is_copy(self) -> bool:
        """Whether it counts as a kept copy of its group."""
        return self.in_set and self.status == AVAILABLE

    @property
    def gib(self) -> int | float:
        """Its size; 0 where the answer did not say."""
        return self.size or 0

    def is_due(self, now: Micros) -> bool:
        """Whether a purge now would ask for its deletion."""
        return self.due_at is not None and self.due_at <= now


def newest_first(backup: PlannedBackup) -> tuple[Micros, str]:
    """Sort key, to be reversed: as Cinder lists, by creation and id. Only for backups with a date."""
    return (backup.made_at or 0, backup.id)


def identity_of(backup: PlannedBackup) -> tuple[object, ...]:
    """What must be the same for a backup of an earlier plan to be this one, besides its id."""
    return (backup.volume_id, backup.made_at, backup.name)


def drop_repeats(rows: Sequence[PlannedBackup]) -> Sequence[PlannedBackup]:
    """Each backup once: a list that grew while it was read may show one twice.

    Raises:
        PurgeRefused: one id stands for two different backups.
    """
    if _are_unique(rows):
        return rows
    by_id: dict[str, PlannedBackup] = {}
    for row in rows:
        if by_id.setdefault(row.id, row) != row:
            raise PurgeRefused(
                Reason.INVENTORY_DOUBTFUL, f'two different backups have the id "{printable(row.id[:64])}"; list again'
            )
    return list(by_id.values())


def _are_unique(rows: Sequence[PlannedBackup]) -> bool:
    """Whether no id comes twice; in 256 parts, as one set of a million ids costs as much as a tenth of the plan."""
    parts: dict[str, list[str]] = {}
    for row in rows:
        parts.setdefault(row.id[-2:], []).append(row.id)
    return all(len(set(ids)) == len(ids) for ids in parts.values())
