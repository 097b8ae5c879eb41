"""Volumes that would be left without a copy.

A floor per group does not protect a volume if groups contain several volumes, as with groups by name: all kept backups
of a group may be of other volumes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.text import count

NAMED: Final = 10
"""How many volumes a warning names."""


def volumes_left_without(
    backups: Iterable[PlannedBackup], is_deleted: Callable[[PlannedBackup], bool]
) -> Sequence[str]:
    """Return the volumes that have usable backups in the policy's set but keep none, sorted."""
    losing: set[str] = set()
    keeping: set[str] = set()
    for row in backups:
        if row.is_copy and row.volume_id:
            (losing if is_deleted(row) else keeping).add(row.volume_id)
    return sorted(losing - keeping)


def only_copies_warning(volumes: Sequence[str], allowed: int) -> tuple[str, ...]:
    """Return a warning that names the volumes if there are more than the guard allows."""
    if len(volumes) <= allowed:
        return ()
    named = ", ".join(volumes[:NAMED])
    more = f" and {len(volumes) - NAMED:,} more" if len(volumes) > NAMED else ""
    return (
        f"{count(len(volumes), 'volume')} would be left without a usable backup: {named}{more}. "
        "Keep more, or group by volume. If these volumes were re-created, allow it with "
        f'"guards": {{"max_volumes_left_without": {len(volumes)}}}.',
    )
