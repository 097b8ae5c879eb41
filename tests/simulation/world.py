"""One run of a seed: the clouds, AWS, the functions and other users."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.simulation.aws import Aws
from tests.simulation.cbr import CBR
from tests.simulation.cloud import PROJECTS, Cloud, Limiter
from tests.simulation.faults import LASTING, OF_THE_DELETER, Fault, Faults
from tests.simulation.function import Function
from tests.simulation.judge import Judge
from tests.simulation.nights import BEGINS_S, Nights
from tests.simulation.other_users import OtherUsers
from tests.simulation.timeline import DAY, HOUR, START, Timeline
from tests.simulation.trace import Trace
from tests.simulation.workload import Workload

LONG_OUTAGE_S = 12.6 * DAY
"""Longer than a request waits, and shorter than the retention of SQS: requests are parked."""
SEEDS_A_PURGER = 3
"""Every third seed has a purger, and the next one a target of CBR."""
SETTLES_IN_S = 40 * HOUR
"""Everything ends this soon after the faults: a day for not_before, plus a few waits of up to two hours."""


@dataclass
class World:
    """The state of one seed. `base_s` is BackoffBaseInSeconds of the stack."""

    seed: int
    traced: bool = False
    concurrency: int = 2
    base_s: int = 60
    kinds: tuple[Fault, ...] = OF_THE_DELETER
    with_cbr: bool = False
    """Whether to use a target of CBR, independently of the seed."""
    rng: random.Random = field(init=False)
    timeline: Timeline = field(init=False, default_factory=Timeline)
    skew_s: float = field(init=False, default=0.0)
    limiter: Limiter | None = field(init=False, default=None)
    calls: Counter[int] = field(init=False, default_factory=Counter)
    """Calls to the backup service by minute."""
    statuses: Counter[int] = field(init=False, default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.faults = Faults(self.rng, self.kinds)
        self.trace = Trace(self.timeline, is_enabled=self.traced)
        self.cloud = Cloud(self.timeline, self.rng, self.faults)
        self.judge = Judge(self)
        self.aws = Aws(self)
        self.function = Function(self, self.concurrency)
        self.other_users = OtherUsers(self)
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
        return self.rng.uniform(0.02, 0.3)

    def run(self, requests: int, trouble_s: float | None = None) -> None:
        """Run faults and requests for a while; then stop the faults and run until everything must have ended."""
        rng = self.rng
        drawn_s = rng.choices([2 * HOUR, 8 * HOUR, 2 * DAY, 13.2 * DAY], [60, 34, 5, 1])[0]
        self.trouble_s = trouble_s or drawn_s
        if self.faults.strikes(Fault.CLOCKS_APART, 0.5):
            self.skew_s = rng.uniform(-300, 300)
        Workload(self, requests, self.trouble_s / 2).arrange()
        self._plan_outages()
        self.other_users.arrange(self.trouble_s)
        if self.nights:
            self.nights.arrange(self.trouble_s)
        self.timeline.run(self.trouble_s)
        self.faults.stop()
        self.other_users.repair_everything()
        self.timeline.run(self.trouble_s + SETTLES_IN_S)
        self.judge.closes()
        if self.nights:
            self.nights.judge.closes()

    def _plan_outages(self) -> None:
        rng = self.rng
        for fault in LASTING:
            if not self.faults.has(fault):
                continue
            for _ in range(rng.randint(1, 3)):
                begins_s = rng.uniform(0, self.trouble_s)
                lasts_s = min(rng.choice([120, HOUR, 6 * HOUR, DAY]), self.trouble_s / 2)
                if self.trouble_s > LONG_OUTAGE_S and rng.random() < 0.3:
                    begins_s, lasts_s = 0.0, LONG_OUTAGE_S
                self.timeline.at(begins_s, lambda fault=fault: self._begin(fault))  # type: ignore[misc]
                self.timeline.at(begins_s + lasts_s, lambda fault=fault: self._end(fault))  # type: ignore[misc]

    def _begin(self, fault: Fault) -> None:
        if self.faults.is_over:
            return
        self.faults.begin(fault)
        self.faults.fired[fault] += fault in {Fault.ROTATED_EARLY, Fault.ROTATED_LATE}
        if fault is Fault.ROTATED_EARLY:
            self.other_users.rotate_secret()
        elif fault is Fault.ROTATED_LATE:
            self.other_users.rotate_keystone()

    def _end(self, fault: Fault) -> None:
        self.faults.end(fault)
        if fault in {Fault.ROTATED_EARLY, Fault.ROTATED_LATE}:
            self.other_users.synchronize_password()
