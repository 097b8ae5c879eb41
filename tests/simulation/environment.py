"""One execution environment: the real deleter with its real adapters. If it is killed, its memory is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from datetime import datetime
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from tests.simulation.aws import Events, Secrets, Sqs
from tests.simulation.faults import Fault
from tests.simulation.life import Killed, Life
from tests.simulation.network import Network, SimulatedTransports
from tests.simulation.run import Run
from tests.support.doubles import DELETER
from vbs_reaper.aws.delete_queue import DeleteQueue
from vbs_reaper.aws.event_bus import EventBus
from vbs_reaper.aws.hold_store import HoldBucket
from vbs_reaper.aws.login_store import LoginBucket
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.backups.answer import CallRecord, Operation
from vbs_reaper.clock import Clock
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.login.login_guard import PATIENCE_S
from vbs_reaper.deletion.decision import Decision
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import SOURCE

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

    from tests.simulation.world import World

P = ParamSpec("P")
R = TypeVar("R")


class SequentialExecutor(Executor):
    """Runs the records of a batch one after the other, and records which one is current."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        self._life.run.next_record()
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # as in a thread pool
            future.set_exception(error)
        return future


class Report:
    """A report that adds to the trace, and sometimes fails."""

    def __init__(self, world: World, life: Life) -> None:
        self._world = world
        self._life = life

    def began(self, message: Message, now: datetime) -> None:
        self._told()

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[CallRecord] = (),
    ) -> None:
        self._told()
        if self._world.trace.is_enabled:
            self._world.trace.add(message.request_id, f"decided: {decision}")

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        if self._world.trace.is_enabled:
            self._world.trace.add(message.request_id, f"step failed: {step} {error!r}")
        self._told()
        if error is not None:
            self._world.judge.product_raised(message.request_id, step, error)

    def split(self, message: Message, children: int, refused: int) -> None:
        self._told()

    def _told(self) -> None:
        if self._world.faults.strikes(Fault.REPORT_BROKEN):
            raise OSError("no log")


class NoMetrics:
    """Ignores metrics."""

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None: ...


def cloud_client(
    world: World, life: Life, network: Network, clock: Clock, patience_s: float = PATIENCE_S
) -> CloudClient:
    """Return the product's client on the simulated network."""
    return CloudClient(
        secrets=TargetSecrets(cast("SecretsManagerClient", Secrets(world.aws, life)), "vbs-reaper"),
        metrics=NoMetrics(),
        clock=clock,
        transports=SimulatedTransports(network),
        logins=LoginBucket(lambda: world.aws.slots_client(life), "bucket"),
        patience_s=patience_s,
        sleep=world.timeline.pass_by,
        jitter=world.rng.random,
    )


class Environment:
    """An environment, which is reused until it is killed."""

    def __init__(self, world: World, number: int) -> None:
        self.number = number
        self.life = Life(world)
        self.life.may_be_misled = True
        self.deleter = Deleter(
            backups=cloud_client(world, self.life, Network(world, self.life), world.function_clock),
            holds=HoldBucket(lambda: world.aws.slots_client(self.life), "bucket", world.function_clock),
            queue=DeleteQueue(cast("SQSClient", Sqs(world.aws, self.life)), "delete", "dead"),
            bus=EventBus(cast("EventBridgeClient", Events(world.aws, self.life)), "bus", SOURCE),
            report=Report(world, self.life),
            clock=world.function_clock,
            jitter=world.rng.random,
            default_target="default",
            base_s=world.base_s,
            calls_at_once=5,
            trusted_senders={DELETER},
            threads=SequentialExecutor(self.life),
        )

    def handle(self, event: Mapping[str, Any], run: Run, left_s: float) -> dict[str, Any]:
        self.life.begin(run, left_s)
        response = self.deleter.handle(event, self.life.left_s, f"invocation-{run.number}")
        if self.life.left_s() <= 0:
            raise Killed("timed out")
        return cast("dict[str, Any]", json.loads(json.dumps(response)))
