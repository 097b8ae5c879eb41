"""Advice about chains of incremental backups that block deletions.

As long as only incremental backups are made, each kept one may need those before it. A full backup starts a new chain.
The advice tells how many backups could be deleted after a full backup today, and when.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from vbs_reaper.purge.calendar.zone import FAR_AHEAD, Micros, Zone, to_text
from vbs_reaper.purge.forecast.projection import median_interval, project_backup, without_verdict
from vbs_reaper.purge.planned_backup import PlannedBackup, newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.rule_set import RuleSet
from vbs_reaper.reasons import Reason

VOLUMES_LIMIT: Final = 50
"""Maximum number of volumes for which advice is given."""
ROWS_LIMIT: Final = 50_000
"""Maximum number of backups considered. Each is considered a dozen times; if all volumes are in one group, advice for
all of them would take longer than the run may."""
STEPS_LIMIT: Final = 512
"""Maximum number of further backups that are simulated per volume."""


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What a full backup today would free on one volume.

    `blocked` backups are kept only because a kept incremental backup may need them. A full backup today frees `frees`
    backups of `frees_gib` GiB in total. They can be deleted after `further_backups` further backups, which is at
    `frees_at` if the volume continues to be backed up at the same interval. If the keep rules keep the chain for longer
    than is simulated, `frees` and `further_backups` are 0 and `frees_at` is None.
    """

    volume_id: str
    blocked: int
    blocked_gib: float
    frees: int
    frees_gib: float
    further_backups: int
    frees_at: Micros | None

    @property
    def sentence(self) -> str:
        """The advice as a sentence."""
        finding = (
            f"volume {self.volume_id} keeps {_backups(self.blocked)} ({self.blocked_gib:g} GiB) only because newer "
            "incremental backups may need them"
        )
        if self.frees_at is None:
            return (
                f"{finding}; a full backup today does not free them within the next {STEPS_LIMIT} backups, because the "
                "keep rules keep incremental backups of the chain too"
            )
        return (
            f"{finding}; a full backup today frees {_backups(self.frees)} ({self.frees_gib:g} GiB) "
            f"after {_backups(self.further_backups, 'further ')}, about {to_text(self.frees_at)[:10]}"
        )


def advise(
    policy: PurgePolicy,
    zone: Zone,
    groups: Mapping[str, Sequence[PlannedBackup]],
    rows: Sequence[PlannedBackup],
    now: Micros,
) -> tuple[Advice, ...]:
    """Return advice for the volumes on which chains block the deletion of most GiB, in descending order."""
    blocked: dict[str, list[PlannedBackup]] = {}
    for row in rows:
        if Reason.CHAIN_BLOCKED in row.reasons and row.volume_id:
            blocked.setdefault(row.volume_id, []).append(row)
    worst = sorted(blocked, key=lambda volume: (-sum(row.gib for row in blocked[volume]), volume))[:VOLUMES_LIMIT]
    volumes: dict[str, list[PlannedBackup]] = {volume: [] for volume in worst}
    for row in rows:
        if row.volume_id in volumes:
            volumes[row.volume_id].append(row)
    advice: list[Advice] = []
    considered = 0
    for volume in worst:
        group = groups[blocked[volume][0].group or ""]
        considered += len(group) + len(volumes[volume])
        if advice and considered > ROWS_LIMIT:
            break
        advice.append(_Chain(policy, zone, group, volumes[volume], blocked[volume], now).advice())
    return tuple(advice)


class _Chain:
    """Simulation of one volume: a full backup now, then one incremental backup per median interval."""

    def __init__(
        self,
        policy: PurgePolicy,
        zone: Zone,
        group: Sequence[PlannedBackup],
        volume: Sequence[PlannedBackup],
        blocked: Sequence[PlannedBackup],
        now: Micros,
    ) -> None:
        self._policy, self._zone = policy, zone
        self._start = now + 1  # later than every existing copy
        self._rows = {row.id: row for row in (*group, *volume)}
        self._volume = {row.id for row in volume}
        self._group_name = blocked[0].group or ""
        self._blocked = blocked
        self._interval = median_interval(sorted((row for row in group if row.is_copy), key=newest_first, reverse=True))

    def advice(self) -> Advice:
        """Find the smallest number of further backups after which everything that can be freed is freed."""
        most = len(self._freed(STEPS_LIMIT))
        low, high = 0, STEPS_LIMIT
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if len(self._freed(middle)) >= most else (middle + 1, high)
        freed = self._freed(low)
        volume_id = self._blocked[0].volume_id or ""
        return Advice(
            volume_id=volume_id,
            blocked=len(self._blocked),
            blocked_gib=float(sum(row.gib for row in self._blocked)),
            frees=len(freed),
            frees_gib=float(sum(row.gib for row in freed)),
            further_backups=low if freed else 0,
            # At an interval of years, 512 steps lead out of the calendar.
            frees_at=min(self._start - 1 + low * self._interval, FAR_AHEAD) if freed else None,
        )

    def _freed(self, steps: int) -> list[PlannedBackup]:
        """Return today's backups of the volume that the rules no longer keep after `steps` further backups."""
        rows = [without_verdict(row) for row in self._rows.values()]
        rows.extend(
            project_backup(self._blocked[0], self._start + step * self._interval, incremental=step > 0)
            for step in range(steps + 1)
        )
        group = [row for row in rows if row.group == self._group_name]
        later = self._start + steps * self._interval
        RuleSet(self._policy, self._zone, "cinder", later).apply({self._group_name: group}, rows)
        return [row for row in rows if not row.keep and row.id in self._volume]


def _backups(number: int, qualifier: str = "") -> str:
    return f"{number} {qualifier}{'backup' if number == 1 else 'backups'}"
