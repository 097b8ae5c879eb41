"""How soon deletions are proven, and for how many GETs: simulated with the waits as built, without any call."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import exp, log
from random import Random
from statistics import median, quantiles
from typing import Final

from tests.benchmarks.deleter import BASE_S
from tests.benchmarks.table import Row
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.pending import PendingDeletions

ENVIRONMENTS: Final = 2
"""`MaximumConcurrency` in the template."""
DELETIONS: Final = 5000
SPREAD: Final = 0.5
"""Standard deviation of the logarithm of a duration."""
CLOUD_SLOTS: Final = 5
"""How many backups of a user VBS deletes at once."""
CALLS_A_SECOND: Final = 20.0
"""Deletions that the environments request together, if the queue is full."""
POLL_S: Final = 2.0
"""How often openstacksdk looks."""
PENDING: Final = 10_000
AIMS: Final = {
    "2 s": (2.0, 14.0, 20.0, 1.1),
    "30 s": (30.0, 8.5, 20.0, 3.0),
    "5 min": (300.0, 36.0, 130.0, 13.0),
    "30 min": (1800.0, 215.0, 700.0, 21.0),
}
"""Median of the durations, and the aims: median and 95th percentile of the lag in seconds, and GETs."""
_START: Final = datetime(2026, 11, 25, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Deletion:
    """When it was accepted, and when the backup is gone; in seconds."""

    asked_s: float
    gone_s: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What it took to prove deletions."""

    lags_s: list[float]
    """From when a backup was gone to its proof."""
    looks_at_s: list[float]
    """When each GET was made."""

    @property
    def looks(self) -> float:
        """GETs per deletion."""
        return len(self.looks_at_s) / len(self.lags_s)

    @property
    def late_s(self) -> tuple[float, float]:
        """Median and 95th percentile of the lag."""
        return median(self.lags_s), quantiles(self.lags_s, n=20)[-1]


def watch(deletions: Sequence[Deletion], random: Random) -> Watched:
    """Observe deletions until each is proven. Every GET is made by any of the environments."""
    environments = [PendingDeletions() for _ in range(ENVIRONMENTS)]
    due = [(each.asked_s, number, 0) for number, each in enumerate(deletions)]
    heapq.heapify(due)
    watched = Watched([], [])
    while due:
        now_s, number, receives = heapq.heappop(due)
        each = deletions[number]
        if receives:
            watched.looks_at_s.append(now_s)
            if now_s >= each.gone_s:
                watched.lags_s.append(now_s - each.gone_s)
                continue
        pending, now = random.choice(environments), _START + timedelta(seconds=now_s)
        count, asked_at = pending.count(now), _START + timedelta(seconds=each.asked_s)
        wait_s = (
            backoff.deleting_wait_s(asked_at, now, receives, BASE_S, random.random(), count)
            if receives
            else backoff.asked_delay_s(BASE_S, random.random(), count)
        )
        pending.add(now + timedelta(seconds=wait_s))
        heapq.heappush(due, (now_s + wait_s, number, receives + 1))
    return watched


def poll(deletions: Sequence[Deletion]) -> Watched:
    """Look at every deletion every two seconds."""
    watched = Watched([], [])
    for each in deletions:
        times = max(1, -int(-(each.gone_s - each.asked_s) // POLL_S))
        watched.looks_at_s.extend(each.asked_s + POLL_S * number for number in range(1, times + 1))
        watched.lags_s.append(watched.looks_at_s[-1] - each.gone_s)
    return watched


def alone(takes_s: float, random: Random, spread: float = SPREAD) -> list[Deletion]:
    """Return deletions that have nothing to do with each other: of each, only its own message is in the queue."""
    day_s = 86_400.0
    return [Deletion(number * day_s, number * day_s + _drawn(takes_s, random, spread)) for number in range(DELETIONS)]


def steady(pending: int, takes_s: float, random: Random) -> list[Deletion]:
    """Return deletions at random moments, of which so many are pending on average after a few times `takes_s`."""
    mean_s = takes_s * exp(SPREAD**2 / 2)
    moments = accumulate(random.expovariate(pending / mean_s) for _ in range(round(6 * pending)))
    return [Deletion(asked_s, asked_s + _drawn(takes_s, random)) for asked_s in moments]


def bulk(count: int, takes_s: float, random: Random) -> list[Deletion]:
    """Return deletions that are requested at once; the cloud works on five at a time."""
    free_s = [0.0] * CLOUD_SLOTS
    deletions = []
    for number in range(count):
        asked_s = number / CALLS_A_SECOND
        gone_s = max(heapq.heappop(free_s), asked_s) + _drawn(takes_s, random)
        heapq.heappush(free_s, gone_s)
        deletions.append(Deletion(asked_s, gone_s))
    return deletions


def looks_a_minute(watched: Watched, begin_s: float, end_s: float) -> float:
    """Return the GETs of a minute between two moments."""
    return sum(begin_s <= at_s < end_s for at_s in watched.looks_at_s) / (end_s - begin_s) * 60


def _drawn(takes_s: float, random: Random, spread: float = SPREAD) -> float:
    return random.lognormvariate(log(takes_s), spread)


def measure_pace() -> list[Row]:
    """Compare lags and GETs with a client that looks every two seconds."""
    rows = []
    for name, (takes_s, middle_s, latest_s, looks) in AIMS.items():
        deletions = alone(takes_s, Random(1))
        rows += _rows(f"deletion of {name}", deletions, (middle_s, latest_s, looks))
    for name, takes_s in {"2 s": 2.0, "30 s": 30.0}.items():
        rows += _rows(f"500 deletions of {name} at once, five at a time", bulk(500, takes_s, Random(1)))
    deletions = steady(PENDING, 1800.0, Random(1))
    begin_s, end_s = 2 * 1800.0, deletions[-1].asked_s
    ours = looks_a_minute(watch(deletions, Random(2)), begin_s, end_s)
    title = f"pace: {PENDING:,} pending deletions of 30 min, GETs a minute / a look every 2 s"
    return [*rows, Row(name=title, pairs=[(ours, PENDING * 60 / POLL_S)], unit="GETs", bound=700.0)]


def _rows(
    what: str, deletions: Sequence[Deletion], bounds: tuple[float | None, float | None, float | None] = (None,) * 3
) -> list[Row]:
    ours, theirs = watch(deletions, Random(2)), poll(deletions)
    figures = zip((*ours.late_s, ours.looks), (*theirs.late_s, theirs.looks), bounds, strict=True)
    kinds = (("proven late, median / a look every 2 s", "s"), ("the same, 95th percentile", "s"), ("GETs", "GETs"))
    return [
        Row(name=f"pace: {what}, {kind}", pairs=[(mine, its)], unit=unit, bound=bound)
        for (kind, unit), (mine, its, bound) in zip(kinds, figures, strict=True)
    ]
