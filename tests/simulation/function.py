"""The event source mapping: polls, invokes environments with batches, and deletes messages that were not reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation.aws import VISIBILITY_S, Stored
from tests.simulation.environment import Environment
from tests.simulation.faults import Fault
from tests.simulation.life import Killed
from tests.simulation.run import Run
from vbs_reaper.errors import RequestNotQueued

if TYPE_CHECKING:
    from tests.simulation.world import World

BATCH_SIZE = 10
Received = tuple[Stored, dict[str, Any]]
"""A message, and its record in the event."""


class Function:
    """Runs at most `concurrency` invocations at once, and reuses environments until they are killed."""

    def __init__(self, world: World, concurrency: int) -> None:
        self._world = world
        self._free = concurrency
        self._idle: list[Environment] = []
        self._numbers = iter(range(1, 1_000_000_000))
        self._next_poll_s = float("inf")
        self.environments = 0
        self.invocations = 0

    def poll_at(self, when: float) -> None:
        if when < self._next_poll_s:
            self._next_poll_s = when
            self._world.timeline.at(when, lambda: self._poll(when))

    def _poll(self, planned_s: float) -> None:
        """Poll, unless an earlier poll was scheduled later."""
        world = self._world
        if planned_s != self._next_poll_s:
            return
        self._next_poll_s = float("inf")
        while self._free:
            batch = world.aws.receive(world.rng.randint(1, BATCH_SIZE) if world.faults.fired else BATCH_SIZE)
            if not batch:
                break
            self._free -= 1
            records = [(message, message.record()) for message in batch]
            if world.faults.strikes(Fault.POLLER_HOLDS):
                shortest_s = VISIBILITY_S if world.faults.has(Fault.STALE_ACK) else 30
                world.timeline.after(world.rng.uniform(shortest_s, 2400), partial(self._invoke, records))
            else:
                self._invoke(records)
        self._plan_next()

    def _plan_next(self) -> None:
        next_s = self._world.aws.next_visible_s()
        if next_s is not None and self._free:
            self.poll_at(max(next_s, self._world.timeline.now))

    def _invoke(self, records: list[Received]) -> None:
        if not self._world.faults.lasts(Fault.NO_START):
            self._run(records)
        self._free += 1
        self._plan_next()

    def _run(self, records: list[Received]) -> None:
        world = self._world
        environment = self._environment()
        run = Run(next(self._numbers), [message for message, _ in records], environment.number)
        run.receives = [int(record["attributes"]["ApproximateReceiveCount"]) for _, record in records]
        event = {"Records": [record for _, record in records]}
        left_s = world.rng.uniform(5, 45) if world.faults.strikes(Fault.LITTLE_TIME) else 60.0
        self.invocations += 1
        try:
            response = environment.handle(event, run, left_s)
        except Killed as killed:
            world.trace.add_to_all(run, f"environment {environment.number} ended: {killed}")
            return
        self._idle.append(environment)
        failures = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        world.judge.responded(run, failures)
        if world.faults.strikes(Fault.REPLY_LOST):
            return
        for message, record in records:
            if message.id not in failures:
                world.aws.acknowledge(message.id, record["receiptHandle"])

    def invoke_directly(self, body: str, wants: Callable[[str], None]) -> None:
        """Invoke the function with a request. Without a response, the caller must repeat it: no end is promised."""
        world = self._world
        number = next(self._numbers)
        identity = f"invocation-{number}"
        environment = self._environment()
        now = world.timeline.now
        run = Run(number, [Stored(identity, body, {}, now, now, receives=1)], environment.number, is_direct=True)
        run.next_record()
        wants(identity)
        self.invocations += 1
        try:
            answer = environment.handle(json.loads(body), run, 60.0)
        except Killed:
            world.judge.answered_directly(run, None)
        except RequestNotQueued:
            self._idle.append(environment)
            world.judge.answered_directly(run, None)
        else:
            self._idle.append(environment)
            world.judge.answered_directly(run, answer)

    def _environment(self) -> Environment:
        if self._idle and self._world.faults.strikes(Fault.NEW_ENVIRONMENT):
            self._idle.pop(0)
        if self._idle:
            return self._idle.pop()
        self.environments += 1
        return Environment(self._world, self.environments)
