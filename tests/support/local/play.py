"""Runs a scenario on the local stack with the simulator as the cloud, and judges the result."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.local.function_log import Sample
from tests.support.local.judge import Journal, Verdict, judge
from tests.support.local.report import Report, Snapshot
from tests.support.local.scenario import TARGETS, Phase, Request, Scenario, Trouble, store
from tests.support.local.stack import LocalStack
from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Operation

SERVICES = {"/v2": "vbs", "/v3": "cinder", "/cb": "cbr"}
"""The service that a DELETE was sent to, by the beginning of its path."""
POLL_S = 0.5
ANSWERS_WITHIN_S = 30.0
ENDS_WITHIN_S = 75.0
EMPTY_POLLS = 4
"""A message that moves between two queues is in neither for a moment, so a queue must be empty in several polls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The last snapshot of a run, and the verdict."""

    moment: Snapshot
    verdict: Verdict


def play(scenario: Scenario, stack: LocalStack, cloud: Cloud, report: Report) -> Played:
    """Run the scenario until the queue is empty, or until `ENDS_WITHIN_S` has passed. Return the verdict."""
    return _Player(scenario, stack, cloud, report).play()


class _Player:
    def __init__(self, scenario: Scenario, stack: LocalStack, cloud: Cloud, report: Report) -> None:
        self._scenario = scenario
        self._stack = stack
        self._cloud = cloud
        self._report = report
        self._message_ids: dict[str, Request] = {}
        self._sent = 0
        self._began = time.monotonic()

    def play(self) -> Played:
        store(self._scenario.stored, self._cloud)
        for target, service in TARGETS.items():
            self._stack.store_secret(target, self._cloud.target_secret(service=service))
        self._check()
        for phase in self._scenario.phases:
            with _trouble(self._cloud, phase.trouble):
                self._send(phase)
                self._watch_for(phase)
        moment = self._watch_until_quiet()
        deletes, calls = self._cloud.journal.deletes, self._cloud.journal.calls
        journal = Journal(
            accepted=[delete.backup_id for delete in deletes],
            remaining=self._cloud.remaining(),
            accepted_by=dict(Counter(SERVICES[calls[delete.call].raw_path[:3]] for delete in deletes)),
        )
        verdict = judge(
            self._scenario, self._message_ids, journal, self._stack.dead_letters(), self._stack.depth().total
        )
        return Played(moment=moment, verdict=verdict)

    def _check(self) -> None:
        for report in self._stack.invoke({"targets": [*TARGETS]}, function="Checker")["targets"]:
            health = "healthy" if report["healthy"] else report["message"]
            self._report.say(f'Checked target "{report["target"]}" ({report["service"]}): {health}.')

    def _send(self, phase: Phase) -> None:
        by_queue = [request for request in phase.requests if not request.by_bus]
        ids = self._stack.send_all([request.body for request in by_queue])
        self._message_ids |= dict(zip(ids, by_queue, strict=True))
        for request in phase.requests:
            if request.by_bus:
                self._stack.put_event(json.loads(request.body))
        self._sent += len(phase.requests)

    def _watch_for(self, phase: Phase) -> None:
        """Show a phase until its time is over and the cloud has answered during it: a busy machine starts late."""
        began = time.monotonic()
        before = len(self._show(phase.trouble).metrics)
        now = before
        while time.monotonic() < began + phase.lasts_s or (
            phase.lasts_s and now == before and time.monotonic() < began + ANSWERS_WITHIN_S
        ):
            time.sleep(POLL_S)
            now = len(self._show(phase.trouble).metrics)

    def _watch_until_quiet(self) -> Snapshot:
        until = time.monotonic() + ENDS_WITHIN_S
        quiet = 0
        moment = self._show("no more faults")
        while quiet < EMPTY_POLLS and time.monotonic() < until:
            time.sleep(POLL_S)
            moment = self._show("no more faults")
            quiet = quiet + 1 if moment.depth.total == 0 else 0
        return moment

    def _show(self, trouble: str) -> Snapshot:
        moment = Snapshot(
            elapsed_s=time.monotonic() - self._began,
            trouble=trouble,
            sent=self._sent,
            depth=self._stack.depth(),
            dead_letters=self._stack.depth("DeadLetter").visible,
            metrics=self._metrics(),
        )
        self._report.show(moment)
        return moment

    def _metrics(self) -> list[Sample]:
        return self._stack.log().samples()


@contextmanager
def _trouble(cloud: Cloud, trouble: Trouble) -> Iterator[None]:
    """Inject the fault while the block runs, and remove it afterwards."""
    match trouble:
        case Trouble.SERVICE_DOWN:
            cloud.set_service(up=False)
        case Trouble.THROTTLED:
            cloud.inject(_throttled(413, BodyShape.OVER_LIMIT, 0.5), _throttled(429, BodyShape.GATEWAY, 1.0))
        case Trouble.TOKEN_REVOKED:
            cloud.revoke_tokens()
        case Trouble.ANSWERS_LOST:
            cloud.inject(
                Fault(operation=Operation.DELETE, after_work=True, breakage=Breakage.RESET, times=None),
                Fault(operation=Operation.SHOW, breakage=Breakage.TRUNCATED, probability=0.2, times=None),
            )
        case Trouble.NONE:
            pass
    yield
    cloud.clear_faults()
    cloud.set_service(up=True)


def _throttled(status: int, body: BodyShape, probability: float) -> Fault:
    return Fault(
        operation=Operation.DELETE, status=status, body=body, retry_after=1, times=None, probability=probability
    )
