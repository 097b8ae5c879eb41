"""The last plan, as a new plan needs it: its decisions are noted in the backups listed now, and it is not kept itself.

So the memory of a run does not depend on the number of backups in the last plan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vbs_reaper.purge.calendar.zone import Micros
from vbs_reaper.purge.planned_backup import PlannedBackup, identity_of
from vbs_reaper.purge.policy import PurgePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPlan:
    """A plan whose decisions were noted in the backups listed now. `gone` of its backups are not listed any more."""

    policy: PurgePolicy
    made_at: Micros
    sha256: str | None
    gone: int


def by_id(rows: Iterable[PlannedBackup]) -> dict[str, PlannedBackup]:
    """Return the backups by ID."""
    return {row.id: row for row in rows}


def note_decisions(listed: Mapping[str, PlannedBackup], last_rows: Iterable[PlannedBackup]) -> int:
    """Note in the listed backups what the last plan decided; return how many of its backups are not listed.

    `selected_since` is set only if volume, creation time and name are the same as in the last plan.
    """
    gone = 0
    for last in last_rows:
        row = listed.get(last.id)
        if row is None:
            gone += 1
            continue
        row.was_selected = not last.keep
        if not last.keep and identity_of(last) == identity_of(row):
            row.selected_since = last.selected_since
    return gone


def forget_decisions(rows: Iterable[PlannedBackup]) -> None:
    """Remove what was noted: the last plan turned out to be unreadable."""
    for row in rows:
        row.was_selected = row.selected_since = None
