"""Half a year of nightly backups and purges, with a policy that is wrong for a while: no kept backup is lost."""

from datetime import datetime
from typing import Any

import pytest

from tests.support.doubles import ManualClock
from tests.unit.purge.purge_world import POLICY, StoppingQueue, World
from tests.unit.purge.strategies import DAY, HOUR, NOW, Record, backup_id, inventory, record
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.policy import read_policy

FIRST_NIGHT = datetime.fromisoformat("2026-01-01T02:00:00+00:00")
VOLUMES = 2
NIGHTS = 200
GOOD: dict[str, Any] = POLICY | {
    "keep": {"last": 3, "daily": 14, "weekly": 8, "monthly": 12},
    "timezone": "Europe/Berlin",
    "grace": "7d",
    "guards": {"max_newest_age": "48h"},
}
BROKEN = GOOD | {"keep": {"last": 1}}


class Year:
    """A project with nightly backups of every volume, in which requested backups are deleted before the next night."""

    def __init__(self) -> None:
        self.world = World(clock=ManualClock(FIRST_NIGHT))
        self.rows: dict[str, Record] = {}
        self.ever: list[Record] = []

    def night(self, number: int, policy: dict[str, Any]) -> list[str]:
        """One night; returns what was deleted."""
        now = FIRST_NIGHT + number * DAY
        made = [
            record(number * VOLUMES + volume, age=NOW - now + HOUR, volume_id=backup_id(10**9 + volume))
            for volume in range(VOLUMES)
        ]
        self.rows |= {row["id"]: row for row in made}
        self.ever += made
        self.world.clock.now = self.world.cloud.date = now
        self.world.cloud.records = list(self.rows.values())
        self.world.queue = StoppingQueue()
        answer = self.world.run(now.isoformat(), **policy)
        assert answer["outcome"] == "completed", answer["message"]
        for deleted in self.world.queue.ids:
            del self.rows[deleted]
        return self.world.queue.ids


@pytest.mark.parametrize("breaks", [False, True], ids=["always sound", "broken from night 100 to 104"])
def test_nights_lose_nothing_that_the_sound_policy_keeps_and_the_steady_state_trips_no_guard(*, breaks: bool) -> None:
    year = Year()
    for number in range(NIGHTS):
        is_broken = breaks and 100 <= number < 104
        deleted = year.night(number, BROKEN if is_broken else GOOD)
        assert not (is_broken and deleted), "a new choice waits out its grace"
        assert deleted or not (breaks and number == 104), "the old one goes on with its own"
    sound = read_policy({key: value for key, value in GOOD.items() if key != "grace"})
    kept = {row.id for row in plan(sound, inventory(year.ever), year.world.clock.now).kept}
    assert kept <= year.rows.keys()
    assert len(year.rows) < len(year.ever) / 3
