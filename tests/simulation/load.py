"""Measures calls during an outage, the time to drain a full queue, and the cost of a rate limit."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from tests.simulation.cloud import PROJECTS, CloudBackup, Limiter, Project
from tests.simulation.faults import Fault
from tests.simulation.timeline import DAY, HOUR
from tests.simulation.wanted import Wanted
from tests.simulation.world import World
from vbs_reaper.logs import logger

CALLS_OF_A_DELETION = 3


@dataclass(frozen=True, kw_only=True)
class Outage:
    """The figures of an outage of all calls."""

    waiting: int
    days: float
    lost: int
    parked: int
    most_calls_a_minute: int
    mean_calls_a_minute: float
    most_receives: int
    drained_half_s: float
    drained_s: float


@dataclass(frozen=True, kw_only=True)
class Throttled:
    """The figures of a queue drained under a rate limit."""

    calls_a_minute: int
    requests: int
    turned_away: float
    drained_s: float
    ideal_s: float


def suffer_outage(
    waiting: int, days: float = 12.0, seed: int = 1, concurrency: int = 2, project: Project = PROJECTS[0]
) -> Outage:
    """Run requests during an outage of `days`, and measure how they drain afterwards."""
    world = _quiet_world(seed, concurrency)
    world.faults.begin(Fault.SERVICE_DOWN)
    _fill(world, waiting, project=project)
    world.timeline.run(days * DAY)
    calls = [world.calls[minute] for minute in range(int(days * DAY // 60))]
    most_receives = max(message.receives for message in world.aws.messages.values())
    parked = len(world.aws.letters)
    world.faults.end(Fault.SERVICE_DOWN)
    half_s, drained_s = _drain(world, waiting)
    return Outage(
        waiting=waiting,
        days=days,
        lost=waiting
        - sum(world.judge.has_ended(identity) for identity in world.judge.wanted)
        + len(world.judge.wrongs),
        parked=parked,
        most_calls_a_minute=max(calls),
        mean_calls_a_minute=sum(calls) / len(calls),
        most_receives=most_receives,
        drained_half_s=half_s,
        drained_s=drained_s,
    )


def suffer_throttle(calls_a_minute: int, requests: int, seed: int = 1, concurrency: int = 2) -> Throttled:
    """Drain requests with a service that accepts `calls_a_minute`."""
    world = _quiet_world(seed, concurrency)
    world.limiter = Limiter(world.timeline, calls_a_minute)
    _fill(world, requests)
    _, drained_s = _drain(world, requests)
    return Throttled(
        calls_a_minute=calls_a_minute,
        requests=requests,
        turned_away=world.statuses[413] / world.statuses.total(),
        drained_s=drained_s,
        ideal_s=CALLS_OF_A_DELETION * requests / calls_a_minute * 60,
    )


def last_good_deletion_s(good: int, on_dead_host: int, seed: int = 1, concurrency: int = 2) -> float:
    """Return the seconds until the last of the good backups is deleted, among others on a dead host."""
    world = _quiet_world(seed, concurrency)
    world.faults.begin(Fault.HOST_DOWN)
    _fill(world, on_dead_host)
    identities = _fill(world, good, first="f")
    while not all(map(world.judge.has_ended, identities)):
        world.timeline.run(world.timeline.now + 1)
    if world.judge.wrongs:
        raise AssertionError(world.judge.wrongs)
    return world.timeline.now


def _quiet_world(seed: int, concurrency: int) -> World:
    logger.setLevel(logging.CRITICAL)
    return World(seed, concurrency=concurrency, kinds=())


def _fill(world: World, requests: int, first: str = "0", project: Project = PROJECTS[0]) -> list[str]:
    """Add backups with IDs that begin with `first`, and one request for each; return the requests."""
    identities = []
    for number in range(requests):
        backup_id = f"{first}{number:07x}-0b0a-4a5e-9c3e-{number:012x}"
        world.cloud.add(
            CloudBackup(
                id=backup_id, project=project, volume_id=backup_id, created_s=-DAY, updated_s=-DAY, name="daily"
            )
        )
        message = world.aws.put(f'{{"backup_id": "{backup_id}", "target": "{project.target}"}}', {})
        world.judge.accepted(Wanted(message.id, project, backup_id))
        identities.append(message.identity)
    return identities


def _drain(world: World, requests: int) -> tuple[float, float]:
    """Return the seconds until half of the requests and until all of them have ended."""
    begun = world.timeline.now
    half_s = 0.0
    while world.aws.messages and world.timeline.now < begun + 3 * DAY:
        world.timeline.run(world.timeline.now + 60)
        if not half_s and len(world.judge.ends) * 2 >= requests:
            half_s = world.timeline.now - begun
    return half_s, world.timeline.now - begun


SETTINGS = ((20, 200), (300, 3000), (3000, 10_000))
"""Calls per minute, and number of requests."""

LONGEST_WAIT_S = 2 * HOUR
