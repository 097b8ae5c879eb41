"""Runs a seed, and prints traces of its requests."""

import logging
from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.cbr import CBR
from tests.simulation.faults import Fault
from tests.simulation.run import Wrong
from tests.simulation.world import World
from vbs_reaper.logs import logger

TRACES = 2
"""The number of requests to trace."""


@dataclass
class Verdict:
    """The result of one or more seeds. `ends` counts ends of requests, `runs` ends of purge runs."""

    wrongs: list[Wrong] = field(default_factory=list)
    fired: Counter[Fault] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Verdict") -> None:
        self.wrongs += other.wrongs
        self.fired += other.fired
        self.ends += other.ends
        self.runs += other.runs
        self.counts += other.counts


def run_seed(seed: int, requests: int = 50, *, with_cbr: bool = False) -> Verdict:
    world = _run(seed, requests, traced=False, with_cbr=with_cbr)
    singles = [wanted for wanted in world.judge.wanted.values() if not wanted.parts]
    counts = Counter(
        {
            "requests": len(singles),
            "requests to CBR": sum(wanted.project is CBR for wanted in singles),
            "requests of the purger": world.nights.judge.requests if world.nights else 0,
            "invocations": world.function.invocations,
            "environments": world.function.environments,
            "accepted deletions": world.cloud.accepted,
        }
    )
    return Verdict(
        wrongs=world.judge.wrongs,
        fired=world.faults.fired,
        ends=Counter(end for ends in world.judge.ends.values() for end in set(ends)),
        runs=world.nights.judge.ends if world.nights else Counter(),
        counts=counts,
    )


def traces(seed: int, requests: int = 50, *, only_wrong: bool = True, with_cbr: bool = False) -> str:
    """Run a seed again; return the traces of the requests that failed, or of all."""
    world = _run(seed, requests, traced=True, with_cbr=with_cbr)
    wrongs = world.judge.wrongs
    identities = list(dict.fromkeys(wrong.identity for wrong in wrongs))[:TRACES] if only_wrong else world.judge.wanted
    lines = [f"  {wrong.rule}: {wrong.identity}: {wrong.text}" for wrong in wrongs[:10]]
    lines += [f"--- {identity}\n{world.trace.of(identity)}" for identity in identities]
    lines.append(f"replay: make simulate SEED={seed}")
    return "\n".join(lines)


def _run(seed: int, requests: int, *, traced: bool, with_cbr: bool) -> World:
    before = logger.log_level
    logger.setLevel(logging.CRITICAL)
    try:
        world = World(seed, traced=traced, with_cbr=with_cbr)
        world.run(requests)
    finally:
        logger.setLevel(before)
    return world
