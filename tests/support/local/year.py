"""The data of the purge in `make run`: a year of backups, the policy, and which backups must stay."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.local.scenario import StoredBackup

POLICY: dict[str, Any] = {
    "policy": "nightly",
    "match": {"name": "nightly-*"},
    "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12},
}
"""It has the default guards, which would refuse a purge; only an approval overrides them."""
NIGHTS = {"database": (120, 1), "files": (60, 1), "archive": (364, 7)}
"""Volume → days since its first backup, and days between two backups."""
HELD_NIGHT = 100
RULES: Sequence[tuple[int, Callable[[date], object]]] = (
    (7, lambda day: day),
    (4, lambda day: day.isocalendar()[:2]),
    (12, lambda day: (day.year, day.month)),
)
"""The number of backups to keep and their period: the keep rules of the policy, written independently."""


def make_year(seed: int, now: datetime | None = None) -> list[StoredBackup]:
    """Return a year of backups, the newest of each volume first. One of them is held."""
    rng = random.Random(f"year {seed}")
    newest = (now or datetime.now(UTC)).replace(microsecond=0) - timedelta(hours=2)
    stored = []
    for volume, (days, every) in NIGHTS.items():
        volume_id = _id(rng)
        for age in range(0, days, every):
            made_at = newest - timedelta(days=age)
            stored.append(
                StoredBackup(
                    id=_id(rng),
                    volume_id=volume_id,
                    name=f"nightly-{volume}-{made_at:%Y-%m-%d}",
                    description="for audit [hold]" if (volume, age) == ("database", HELD_NIGHT) else "",
                    created_at=made_at,
                )
            )
    return stored


def must_stay(stored: Sequence[StoredBackup]) -> set[str]:
    """The backups that the policy keeps, calculated independently of the product, and the held one."""
    by_volume: dict[str, list[StoredBackup]] = {}
    for backup in stored:
        by_volume.setdefault(backup.volume_id, []).append(backup)
    return {backup.id for backups in by_volume.values() for backup in _kept(backups)}


def _kept(newest_first: Sequence[StoredBackup]) -> list[StoredBackup]:
    kept = [*newest_first[:3], *(backup for backup in newest_first if backup.description)]
    for count, period_of in RULES:
        newest: dict[object, StoredBackup] = {}
        for backup in newest_first:
            newest.setdefault(period_of(backup.created_at.date()), backup)
        kept += list(newest.values())[:count]
        if len(newest) < count:
            kept.append(newest_first[-1])  # as restic: the oldest stays while a rule has room
    return kept


def _id(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))
