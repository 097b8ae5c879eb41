"""A model of the holds in the bucket: when each was written and released, and the lists that functions read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulation.timeline import Timeline
from vbs_reaper.backups.holds import EVERY_RUN, HOLDS, HoldKind, name_of_hold

if TYPE_CHECKING:
    from tests.simulation.aws import Stored
    from tests.simulation.cloud import CloudBackup

OBEYED_WITHIN_S = 60.0
"""No DELETE may be sent later than this after a hold was written."""
STILL_SEEN_S = 90.0
"""A refusal may be based on a hold that was released at most this long ago."""


BEFORE_LIST_S = 150.0
"""The purger lists the holds at most this long before the backups: the list may be 30 s old, and a login may wait."""


@dataclass(slots=True)
class StoredHold:
    """One hold, and when it is in the bucket."""

    kind: HoldKind
    of: str
    name: str
    from_s: float
    to_s: float = float("inf")


@dataclass(slots=True)
class StoredHolds:
    """All holds, including released ones."""

    timeline: Timeline
    all: list[StoredHold] = field(default_factory=list)

    def write(self, kind: HoldKind, of: str) -> None:
        name = name_of_hold(kind, of, None, f"{len(self.all):08x}")
        self.all.append(StoredHold(kind, of, name, self.timeline.now))

    def release_oldest(self) -> None:
        live = [hold for hold in self.all if hold.to_s == float("inf")]
        for hold in live[:3]:
            hold.to_s = self.timeline.now

    def release(self, of: str) -> None:
        for hold in self.all:
            if hold.of == of:
                hold.to_s = min(hold.to_s, self.timeline.now)

    def keys(self) -> list[str]:
        now = self.timeline.now
        return sorted(HOLDS + hold.name for hold in self.all if hold.from_s <= now < hold.to_s)

    def forbidding(self, backup_id: str, volume_id: object, message: Stored) -> set[str]:
        """Return the reasons for which no DELETE may be sent any more."""
        now = self.timeline.now
        return set(self._reasons(backup_id, volume_id, message, now - OBEYED_WITHIN_S, now))

    def refusing(self, backup_id: str, volume_id: object, message: Stored) -> set[str]:
        """Return the reasons that justify a refusal."""
        now = self.timeline.now
        return set(self._reasons(backup_id, volume_id, message, now, now - STILL_SEEN_S))

    def seen_by_purger(self, backups: Iterable[CloudBackup]) -> tuple[frozenset[str], frozenset[str]]:
        """Return the held backups that a purger that lists backups now must have seen, and those it may have seen."""
        now = self.timeline.now
        lately_s = now - BEFORE_LIST_S
        must = {hold.of for hold in self.all if hold.from_s <= lately_s and now < hold.to_s}
        may = {hold.of for hold in self.all if hold.from_s <= now and lately_s < hold.to_s}
        known = list(backups)
        return _held_by(must, known), _held_by(may, known)

    def _reasons(
        self, backup_id: str, volume_id: object, message: Stored, written_by_s: float, there_at_s: float
    ) -> Iterator[str]:
        run = _run_of(message)
        for hold in self.all:
            if hold.from_s > written_by_s or hold.to_s <= there_at_s:
                continue
            if hold.kind is HoldKind.RUN:
                if run is not None and hold.of in {run, f"{run.partition('/')[0]}/{EVERY_RUN}"}:
                    yield "stopped"
            elif hold.of == (backup_id if hold.kind is HoldKind.BACKUP else volume_id):
                yield "held"

    def page(self) -> dict[str, Any]:
        return {"Contents": [{"Key": key} for key in self.keys()], "IsTruncated": False}


def _held_by(holds: set[str], backups: Iterable[CloudBackup]) -> frozenset[str]:
    return frozenset(backup.id for backup in backups if {backup.id, backup.volume_id} & holds)


def _run_of(message: Stored) -> str | None:
    """Return the purge run of a request."""
    try:
        body = json.loads(message.body)
    except ValueError:
        return None
    run = body.get("requested_by") if isinstance(body, dict) else None
    return run if isinstance(run, str) else None
