"""The verdict on every backup of the policy's set: kept, and by which rules, or going, and why."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final

from msgspec import UNSET

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.inventory import Service
from vbs_reaper.purge.planned import AVAILABLE
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.time.duration import read_duration
from vbs_reaper.purge.time.zone import LONG_AGO
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone
from vbs_reaper.purge.verdict.chain import keep_chains
from vbs_reaper.purge.verdict.retention import Retention
from vbs_reaper.purge.verdict.retention import reasons_of

Groups = Mapping[str, list[PlannedBackup]]

_NOT_KEPT: Final = (Reason.NOT_KEPT,)
_FAILED: Final = (Reason.FAILED_COPY,)
_TOO_YOUNG: Final = (Reason.TOO_YOUNG,)
_STALE: Final = (Reason.SOURCE_STALE,)


class Decision:
    """A policy's rules at one moment."""

    def __init__(self, policy: PurgePolicy, zone: Zone, service: Service, now: Micros) -> None:
        self._retention = Retention(policy.keep, zone, policy.guards.min_kept_per_group)
        self._service = service
        older_than, newest_age = policy.match.older_than, policy.guards.max_newest_age
        self._young_from = None if older_than is UNSET else zone.back(now, read_duration(older_than))
        self._fresh_from = None if newest_age is UNSET else zone.back(now, read_duration(newest_age))

    def decide(self, groups: Groups, everything: Iterable[PlannedBackup]) -> None:
        """Set `keep` and `reasons` of every backup in the set. Sorts each group newest first.

        `everything` is all of the project: a backup that the policy is not about may need one that it is.
        """
        for group in groups.values():
            group.sort(key=newest_first, reverse=True)
            self._decide_group([row for row in group if row.in_set])
        if self._service == "cinder":
            keep_chains(everything)

    def _decide_group(self, rows: Sequence[PlannedBackup]) -> None:
        copies = [row for row in rows if row.status == AVAILABLE]
        stale = self._is_stale(copies)
        kept_by = self._retention.apply([row.made_at or LONG_AGO for row in copies])
        for row, rules in zip(copies, kept_by, strict=True):
            if rules:
                row.reasons = reasons_of(rules) + row.reasons
            elif not row.reasons:
                self._let_go(row, _NOT_KEPT, stale=stale)
        for row in rows:
            if row.status != AVAILABLE and not row.reasons:
                self._let_go(row, _FAILED, stale=stale)

    def _is_stale(self, copies: Sequence[PlannedBackup]) -> bool:
        if self._fresh_from is None:
            return False
        return not copies or (copies[0].made_at or LONG_AGO) < self._fresh_from

    def _let_go(self, row: PlannedBackup, why: tuple[Reason, ...], *, stale: bool) -> None:
        """Select a backup that no rule keeps, unless its age or its group's spares it."""
        if stale:
            row.reasons = _STALE
        elif self._young_from is not None and (row.made_at or LONG_AGO) >= self._young_from:
            row.reasons = _TOO_YOUNG
        else:
            row.keep, row.reasons = False, why


def group_up(rows: Iterable[PlannedBackup]) -> dict[str, list[PlannedBackup]]:
    """The groups that have a backup in the set, with all that is shown beside it, by name."""
    groups: dict[str, list[PlannedBackup]] = {}
    for row in rows:
        if row.group is not None:
            groups.setdefault(row.group, []).append(row)
    return {name: groups[name] for name in sorted(groups)}
