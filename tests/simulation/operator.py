"""Approves plans, correctly and in every wrong way."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation.faults import Fault
from tests.simulation.timeline import DAY, HOUR

if TYPE_CHECKING:
    from tests.simulation.nights import Nights
    from tests.simulation.world import World

WRONG_WAYS = (
    Fault.TAMPERED,
    Fault.APPROVED_UNKNOWN,
    Fault.APPROVED_OLD,
    Fault.APPROVED_AGAIN,
    Fault.APPROVED_ELSEWHERE,
)
TOO_OLD_S = 7.1 * DAY


class Operator:
    """An operator with the CLI."""

    def __init__(self, world: World, nights: Nights) -> None:
        self._world = world
        self._nights = nights

    def arrange(self, trouble_s: float) -> None:
        rng, timeline = self._nights.rng, self._world.timeline
        for _ in range(rng.randint(0, 2)):
            timeline.at(rng.uniform(-2 * DAY, trouble_s + 12 * HOUR), self._approve_newest)
        for fault in WRONG_WAYS:
            for _ in range(2 if self._world.faults.has(fault) else 0):
                timeline.at(rng.uniform(-0.3 * DAY, trouble_s), partial(self._approve_wrongly, fault))

    def _approve_newest(self) -> None:
        names = list(self._nights.judge.hashes.items())
        if names:
            sha256, name = names[-1]
            self._approve(name.partition("/")[0], sha256)

    def _approve_wrongly(self, fault: Fault) -> None:
        if self._world.faults.is_over:
            return
        rng, judge = self._nights.rng, self._nights.judge
        if fault is Fault.APPROVED_UNKNOWN:
            self._world.faults.fired[fault] += 1
            self._approve("p-default", f"{rng.getrandbits(256):064x}")
            return
        now_s = self._world.timeline.now
        fits = [
            (sha256, name)
            for sha256, name in judge.hashes.items()
            if (fault is not Fault.APPROVED_OLD or now_s - judge.readings[name].made_s > TOO_OLD_S)
            and (fault is not Fault.APPROVED_AGAIN or f"{name}.sent" in judge.marks)
        ]
        if not fits:
            return
        self._world.faults.fired[fault] += 1
        sha256, name = fits[0] if fault is Fault.APPROVED_OLD else rng.choice(fits)
        policy = name.partition("/")[0]
        if fault is Fault.TAMPERED:
            self._tamper(name)
        elif fault is Fault.APPROVED_ELSEWHERE:
            policy = "elsewhere"
            copied = replace(self._nights.bucket[f"plans/{name}.json"])
            self._nights.bucket[f"plans/elsewhere/{name.partition('/')[2]}.json"] = copied
        self._approve(policy, sha256)

    def _tamper(self, name: str) -> None:
        stored = self._nights.bucket[f"plans/{name}.json"]
        stored.body = stored.body.replace(b'"keep":true', b'"keep":false', 1) + b" "
        self._nights.judge.changed.add(name)

    def _approve(self, policy: str, sha256: str) -> None:
        asked: dict[str, Any] = {"policy": policy, "plan": sha256}
        if self._nights.rng.random() < 0.3:
            asked["include_grace"] = True
        self._nights.function.invoke({"approve": asked})
