"""What would free a chain that keeps itself alive: how much a full backup today would let go, and when."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Final

import msgspec

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.ahead.future import imagine
from vbs_reaper.purge.ahead.future import rhythm
from vbs_reaper.purge.ahead.future import undecided
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.time.zone import FAR_AHEAD
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone
from vbs_reaper.purge.time.zone import to_text
from vbs_reaper.purge.verdict.decision import Decision

VOLUMES_LIMIT: Final = 50
ROWS_LIMIT: Final = 50_000
"""Of backups that advice considers, each a dozen times: where all volumes are one group it would outlast the run."""
STEPS_LIMIT: Final = 512


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """For one volume: `blocked` backups stay for a chain's sake; a full one today frees `frees` of `frees_gib` GiB.

    They go after `further_backups` more, at `frees_at` if the volume is backed up as before; 0 and None where the keep
    rules keep the chain for longer than can be foreseen.
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
        """The advice for people."""
        held = (
            f"volume {self.volume_id}: {self.blocked} backups ({self.blocked_gib:g} GiB) stay only as parts of a chain"
        )
        if self.frees_at is None:
            return f"{held}; the keep rules keep its incremental ones too, so only a longer look ahead frees them"
        return (
            f"{held}; a full backup today frees {self.frees} backups ({self.frees_gib:g} GiB) "
            f"after {self.further_backups} further ones, about {to_text(self.frees_at)[:10]}"
        )


def advise(
    policy: PurgePolicy,
    zone: Zone,
    groups: Mapping[str, Sequence[PlannedBackup]],
    rows: Sequence[PlannedBackup],
    now: Micros,
) -> tuple[Advice, ...]:
    """Advice for the volumes where chains hold back most, those first."""
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
    """One volume's future with a full backup now and an incremental one each rhythm."""

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
        self._start = now + 1  # later than every copy there is
        self._rows = {row.id: row for row in (*group, *volume)}
        self._volume = {row.id for row in volume}
        self._group_name = blocked[0].group or ""
        self._blocked = blocked
        self._pace = rhythm(sorted((row for row in group if row.is_copy), key=newest_first, reverse=True))

    def advice(self) -> Advice:
        """Look for the fewest further backups after which all goes that can go."""
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
            # At a pace of years 512 steps lead out of the calendar.
            frees_at=min(self._start - 1 + low * self._pace, FAR_AHEAD) if freed else None,
        )

    def _freed(self, steps: int) -> list[PlannedBackup]:
        """What of today's volume goes after so many further backups."""
        rows = [undecided(row) for row in self._rows.values()]
        rows.extend(
            imagine(self._blocked[0], self._start + step * self._pace, incremental=step > 0)
            for step in range(steps + 1)
        )
        group = [row for row in rows if row.group == self._group_name]
        later = self._start + steps * self._pace
        Decision(self._policy, self._zone, "cinder", later).decide({self._group_name: group}, rows)
        return [row for row in rows if not row.keep and row.id in self._volume]
