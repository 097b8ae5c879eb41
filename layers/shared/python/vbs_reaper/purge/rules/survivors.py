"""Survivors: the kept copies that must still exist at the moment a selected backup is deleted.

The first is the copy that covers the backup: the nearest newer copy that a period rule keeps, which made the backup
superfluous. The second is the newest copy of the group that a rule keeps. Both are of the same volume if possible,
which matters only for groups by name. If neither is, the third is the newest copy that the volume keeps, for whatever
reason, or else the newest one that is selected but stays for the time being: otherwise the deletion could take the last
copy of the volume.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final, TypeVar

from vbs_reaper.purge.planned_backup import PlannedBackup, newest_first
from vbs_reaper.purge.rules.retention import PERIOD_RULES, RULES

_RULES: Final = frozenset(RULES)

_Place = tuple[str | None, str | None]
"""A group and a volume, or a group and None for the whole group."""

_Key = TypeVar("_Key")


class Survivors:
    """The copies of a plan that a rule keeps, prepared to find the survivors of each selected backup."""

    def __init__(self, backups: Iterable[PlannedBackup]) -> None:
        """Copies that are selected and have `keep` stay for the time being: see `recheck`."""
        self._covering: dict[_Place, list[PlannedBackup]] = {}
        """The copies that a period rule keeps, oldest first."""
        self._newest: dict[_Place, PlannedBackup] = {}
        self._of_volume: dict[str | None, PlannedBackup] = {}
        """The newest copy of each volume that is kept, also in another group or because of a hold."""
        self._selected: dict[str | None, PlannedBackup] = {}
        """The newest copy of each volume that is selected but stays for the time being."""
        for row in filter(lambda each: each.is_copy, backups):
            if row.due_at is None:
                _put_newest(self._of_volume, row.volume_id, row)
                if not _RULES.isdisjoint(row.reasons):
                    self._add(row)
            elif row.keep:
                _put_newest(self._selected, row.volume_id, row)
        for copies in self._covering.values():
            copies.sort(key=newest_first)

    def of(self, row: PlannedBackup) -> tuple[str, ...]:
        """Return the IDs of the survivors of a selected backup; none if no rule keeps a copy of its group."""
        places: tuple[_Place, _Place] = ((row.group, row.volume_id), (row.group, None))
        covering = (self._nearest_newer(place, row) for place in places)
        newest = [copy for place in places if (copy := self._newest.get(place)) is not None]
        newer = (copy for copy in newest if newest_first(copy) > newest_first(row))
        # A failed copy may be newer than all usable ones.
        survivors = [next(filter(None, covering), None), next(newer, newest[0] if newest else None)]
        if row.is_copy and all(survivor is None or survivor.volume_id != row.volume_id for survivor in survivors):
            survivors.append(self._of_volume.get(row.volume_id) or self._selected.get(row.volume_id))
        return tuple(dict.fromkeys(survivor.id for survivor in survivors if survivor is not None))

    def _add(self, row: PlannedBackup) -> None:
        is_covering = not PERIOD_RULES.isdisjoint(row.reasons)
        for place in ((row.group, row.volume_id), (row.group, None)):
            _put_newest(self._newest, place, row)
            if is_covering:
                self._covering.setdefault(place, []).append(row)

    def _nearest_newer(self, place: _Place, row: PlannedBackup) -> PlannedBackup | None:
        copies = self._covering.get(place, [])
        position = bisect_right(copies, newest_first(row), key=newest_first)
        return copies[position] if position < len(copies) else None


def _put_newest(newest: dict[_Key, PlannedBackup], key: _Key, row: PlannedBackup) -> None:
    found = newest.get(key)
    if found is None or newest_first(row) > newest_first(found):
        newest[key] = row
