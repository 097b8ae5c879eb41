"""A whole year, night by night: backups are made and purged, a policy breaks and is mended, nothing kept is lost."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import POLICY, StoppingQueue, World
from tests.unit.purge.strategies import Record, backup_id, inventory
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.policy import read_policy

FIRST_NIGHT = datetime.fromisoformat("2026-01-01T02:00:00+00:00")
VOLUMES = 2
NIGHTS = 365
GOOD: dict[str, Any] = POLICY | {
    "keep": {"last": 3, "daily": 14, "weekly": 8, "monthly": 12},
    "timezone": "Europe/Berlin",
    "grace": "7d",
    "guards": {"max_newest_age": "48h"},
}
BROKEN = GOOD | {"keep": {"last": 1}}


class Year:
    """A project in which a backup of every volume is made each night, and what the queue says goes before the next.

    A plan that a guard refuses is approved by a person in the same night.
    """

    def __init__(self) -> None:
        self.world = World(clock=ManualClock(FIRST_NIGHT))
        self.rows: dict[str, Record] = {}
        self.ever: list[Record] = []
        self.refused: list[str] = []

    def night(self, number: int, policy: dict[str, Any]) -> list[str]:
        """One night; returns what was deleted."""
        now = FIRST_NIGHT + timedelta(days=number)
        for volume in range(VOLUMES):
            row = made(number, volume, now - timedelta(hours=1))
            self.rows[row["id"]] = row
            self.ever.append(row)
        self.world.clock.now = self.world.cloud.date = now
        self.world.cloud.records = list(self.rows.values())
        self.world.queue = StoppingQueue()
        answer = self.world.run(now.isoformat(), **policy)
        if answer["outcome"] == "refused":
            self.refused.append(answer["message"])
            self.world.approve(answer["plan"])
        for deleted in self.world.queue.ids:
            del self.rows[deleted]
        return self.world.queue.ids


def made(night: int, volume: int, at: datetime) -> Record:
    return {
        "id": backup_id(1 + night * VOLUMES + volume),
        "volume_id": backup_id(10**9 + volume),
        "status": "available",
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "name": f"daily-{night}",
        "description": None,
        "size": 10,
    }


def kept_of(rows: list[Record], now: datetime) -> set[str]:
    """What the good policy keeps of all that was ever made."""
    document = {key: value for key, value in GOOD.items() if key != "grace"}
    return {row.id for row in plan(read_policy(document), inventory(rows), now).kept}


@pytest.mark.parametrize("breaks", [False, True], ids=["always sound", "broken from night 100 to 104"])
def test_a_year_loses_nothing_that_the_sound_policy_keeps_and_its_steady_state_trips_no_guard(breaks: bool) -> None:
    year = Year()
    for number in range(NIGHTS):
        policy = BROKEN if breaks and 100 <= number < 104 else GOOD
        deleted = year.night(number, policy)
        assert not (breaks and 100 <= number < 104 and deleted), "a new choice waits out its grace"
        assert deleted or not (breaks and number == 104), "the old one goes on with its own"
    now = FIRST_NIGHT + timedelta(days=NIGHTS - 1)
    assert kept_of(year.ever, now) <= year.rows.keys()
    assert year.refused == []
    assert len(year.rows) < len(year.ever) / 5
