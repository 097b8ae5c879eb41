"""Apply the rules of a policy: each backup of its set is kept or selected for deletion, with the reasons."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import UNSET

from vbs_reaper.backups.answer import Service
from vbs_reaper.purge.calendar.duration import read_duration
from vbs_reaper.purge.calendar.zone import LONG_AGO, Micros, Zone
from vbs_reaper.purge.planned_backup import AVAILABLE, PlannedBackup, newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.chain import keep_chains
from vbs_reaper.purge.rules.retention import Retention, reasons_of
from vbs_reaper.reasons import Reason

Groups = Mapping[str, list[PlannedBackup]]

_NOT_KEPT: Final = (Reason.NOT_KEPT,)
_FAILED: Final = (Reason.FAILED_COPY,)
_TOO_YOUNG: Final = (Reason.TOO_YOUNG,)
_STALE: Final = (Reason.SOURCE_STALE,)


class RuleSet:
    """The rules of a policy at one moment."""

    def __init__(self, policy: PurgePolicy, zone: Zone, service: Service, now: Micros) -> None:
        self._retention = Retention(policy.keep, zone, policy.guards.min_kept_per_group)
        self._service = service
        older_than, newest_age = policy.match.older_than, policy.guards.max_newest_age
        self._young_from = None if older_than is UNSET else zone.back(now, read_duration(older_than))
        self._fresh_from = None if newest_age is UNSET else zone.back(now, read_duration(newest_age))

    def apply(self, groups: Groups, everything: Iterable[PlannedBackup]) -> None:
        """Set `keep` and `reasons` of every backup in the policy's set, and sort each group newest first.

        `everything` contains all backups of the project, because an incremental backup outside the set may need one in
        the set.
        """
        for group in groups.values():
            group.sort(key=newest_first, reverse=True)
            self._apply_to_group([row for row in group if row.in_set])
        if self._service == "cinder":
            keep_chains(everything)

    def _apply_to_group(self, rows: Sequence[PlannedBackup]) -> None:
        copies = [row for row in rows if row.status == AVAILABLE]
        stale = self._is_stale(copies)
        kept_by = self._retention.apply([row.made_at or LONG_AGO for row in copies])
        for row, rules in zip(copies, kept_by, strict=True):
            if rules:
                row.reasons = reasons_of(rules) + row.reasons
            elif not row.reasons:
                self._select(row, _NOT_KEPT, stale=stale)
        for row in rows:
            if row.status != AVAILABLE and not row.reasons:
                self._select(row, _FAILED, stale=stale)

    def _is_stale(self, copies: Sequence[PlannedBackup]) -> bool:
        if self._fresh_from is None:
            return False
        return not copies or (copies[0].made_at or LONG_AGO) < self._fresh_from

    def _select(self, row: PlannedBackup, reasons: tuple[Reason, ...], *, stale: bool) -> None:
        """Select a backup that no keep rule keeps, unless it is too young or its group is stale."""
        if stale:
            row.reasons = _STALE
        elif self._young_from is not None and (row.made_at or LONG_AGO) >= self._young_from:
            row.reasons = _TOO_YOUNG
        else:
            row.keep, row.reasons = False, reasons


def group_up(rows: Iterable[PlannedBackup]) -> dict[str, list[PlannedBackup]]:
    """Return the backups by group, sorted by name, including those that are in a group but not in the policy's set."""
    groups: defaultdict[str, list[PlannedBackup]] = defaultdict(list)
    for row in rows:
        if row.group is not None:
            groups[row.group].append(row)
    return {name: groups[name] for name in sorted(groups)}
