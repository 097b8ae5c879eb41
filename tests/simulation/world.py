"""One run: the clouds, AWS, the function, what others do meanwhile; one seed decides everything."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.simulation.aws import Aws
from tests.simulation.cbr import CBR
from tests.simulation.cloud import PROJECTS, Cloud, Limiter
from tests.simulation.demand import Demand
from tests.simulation.faults import LASTING, OF_THE_DELETER, Fault, Faults
from tests.simulation.function import Function
from tests.simulation.judge import Judge
from tests.simulation.meddlers import Meddlers
from tests.simulation.nights import BEGINS_S, Nights
from tests.simulation.story import Story
from tests.simulation.timeline import DAY, HOUR, START, Timeline

LONG_OUTAGE_S = 12.6 * DAY
"""Longer than what must be survived, shorter than what SQS keeps: here requests are parked."""
SEEDS_A_PURGER = 3
"""In every so many-th seed there is a purger as well, and in the one after it a target of CBR."""
SETTLES_IN_S = 40 * HOUR
"""Faults over, everything ends so soon: a day for not_before, two hours a wait, a few waits one after the other."""


@dataclass
class World:
    """Everything that one seed makes. `base_s` is the stack's BackoffBaseInSeconds."""

    seed: int
    tells: bool = False
    concurrency: int = 2
    base_s: int = 60
    kinds: tuple[Fault, ...] = OF_THE_DELETER
    with_cbr: bool = False
    """Whether a target is one of CBR, whatever the seed."""
    chance: random.Random = field(init=False)
    timeline: Timeline = field(init=False, default_factory=Timeline)
    skew_s: float = field(init=False, default=0.0)
    limiter: Limiter | None = field(init=False, default=None)
    calls: Counter[int] = field(init=False, default_factory=Counter)
    """Calls to the backup service by the minute they were made in."""
    statuses: Counter[int] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.faults = Faults(self.chance, self.kinds)
        self.story = Story(self.timeline, is_told=self.tells)
        self.cloud = Cloud(self.timeline, self.chance, self.faults)
        self.judge = Judge(self)
        self.aws = Aws(self)
        self.function = Function(self, self.concurrency)
        self.meddlers = Meddlers(self)
        self.projects = PROJECTS
        if self.with_cbr or self.seed % SEEDS_A_PURGER == 1:
            self.projects = (PROJECTS[0], CBR)
            self.faults.join_cbr()
        self.nights: Nights | None = None
        if self.kinds and not self.with_cbr and self.seed % SEEDS_A_PURGER == 0:
            self.timeline.now = BEGINS_S
            self.nights = Nights(self)

    def function_clock(self) -> datetime:
        return START + timedelta(seconds=self.timeline.now + self.skew_s)

    def latency_s(self) -> float:
        return self.chance.uniform(0.02, 0.3)

    def run(self, requests: int, trouble_s: float | None = None) -> None:
        """Faults and requests for a while; then no fault any more, and everything must end."""
        chance = self.chance
        drawn_s = chance.choices([2 * HOUR, 8 * HOUR, 2 * DAY, 13.2 * DAY], [60, 34, 5, 1])[0]
        self.trouble_s = trouble_s or drawn_s
        if self.faults.strikes(Fault.CLOCKS_APART, 0.5):
            self.skew_s = chance.uniform(-300, 300)
        Demand(self, requests, self.trouble_s / 2).arrange()
        self._plan_outages()
        self.meddlers.arrange(self.trouble_s)
        if self.nights:
            self.nights.arrange(self.trouble_s)
        self.timeline.run(self.trouble_s)
        self.faults.stop()
        self.meddlers.mend_everything()
        self.timeline.run(self.trouble_s + SETTLES_IN_S)
        self.judge.closes()
        if self.nights:
            self.nights.judge.closes()

    def _plan_outages(self) -> None:
        chance = self.chance
        for fault in LASTING:
            if not self.faults.has(fault):
                continue
            for _ in range(chance.randint(1, 3)):
                begins_s = chance.uniform(0, self.trouble_s)
                lasts_s = min(chance.choice([120, HOUR, 6 * HOUR, DAY]), self.trouble_s / 2)
                if self.trouble_s > LONG_OUTAGE_S and chance.random() < 0.3:
                    begins_s, lasts_s = 0.0, LONG_OUTAGE_S
                self.timeline.at(begins_s, lambda fault=fault: self._begin(fault))  # type: ignore[misc]
                self.timeline.at(begins_s + lasts_s, lambda fault=fault: self._end(fault))  # type: ignore[misc]

    def _begin(self, fault: Fault) -> None:
        if self.faults.is_over:
            return
        self.faults.begin(fault)
        self.faults.fired[fault] += fault in {Fault.ROTATED_EARLY, Fault.ROTATED_LATE}
        if fault is Fault.ROTATED_EARLY:
            self.meddlers.rotate_secret()
        elif fault is Fault.ROTATED_LATE:
            self.meddlers.rotate_keystone()

    def _end(self, fault: Fault) -> None:
        self.faults.end(fault)
        if fault in {Fault.ROTATED_EARLY, Fault.ROTATED_LATE}:
            self.meddlers.agree_on_password()
