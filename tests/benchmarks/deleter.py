"""The deleter with a queue and a bus in memory: on a manual clock, to count calls; or against the stub, to measure."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Final

from tests.benchmarks.stub import GONE, Stub, listed_id
from tests.integration.api_harness import TARGET, TargetSecretsInMemory, api_harness
from tests.support.doubles import DELETER, HoldStoreInMemory, LoginStoreInMemory, ManualClock
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.clock import Clock, utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import Outcome, Result
from vbs_reaper.logs import logger

Record = dict[str, Any]
Handle = Callable[[dict[str, Any]], object]
BASE_S: Final = 60
"""`BackoffBaseInSeconds` in the template."""
CALLS_AT_ONCE: Final = 5
"""`CallsAtOnce` in the template."""


class Aws:
    """Queue and bus in memory. Implements `deletion.ports.Queue` and `deletion.ports.Bus`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[str, tuple[datetime, Record]] = {}
        self.requests: Counter[str] = Counter()
        self.results: list[Result] = []

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Store the messages."""
        with self._lock:
            self.requests["send"] += 1
            for message in messages:
                record = _record(f"message-{self.requests.total()}-{len(self._waiting)}", message, self._clock())
                self._waiting[record["messageId"]] = (self._clock() + timedelta(seconds=message.delay_s), record)
        return True

    def hide(self, delays_s: Mapping[str, int]) -> None:
        """Hide messages for some time."""
        with self._lock:
            self.requests["hide"] += 1
            for handle, delay_s in delays_s.items():
                self._waiting[handle] = (self._clock() + timedelta(seconds=delay_s), self._waiting[handle][1])

    def dead_letter(self, letter: NewMessage) -> bool:
        """Count it; nothing that is measured here ends so."""
        self.requests["dead_letter"] += 1
        return True

    def publish(self, results: Sequence[Result]) -> bool:
        """Store the results."""
        self.requests["publish"] += 1
        self.results.extend(results)
        return True

    def next_at(self) -> datetime | None:
        """Return when the next message becomes visible; None if there is none."""
        return min((moment for moment, _ in self._waiting.values()), default=None)

    def deliver(self, handle: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        """Deliver up to ten visible messages, and delete those that the response does not name."""
        batch = [record for moment, record in self._waiting.values() if moment <= self._clock()][:10]
        for record in batch:
            attributes = record["attributes"]
            attributes["ApproximateReceiveCount"] = str(int(attributes["ApproximateReceiveCount"]) + 1)
        kept = {failure["itemIdentifier"] for failure in handle({"Records": batch})["batchItemFailures"]}
        for record in batch:
            if record["messageId"] not in kept:
                del self._waiting[record["messageId"]]


def _record(message_id: str, message: NewMessage, now: datetime, received: int = 0) -> Record:
    return {
        "messageId": message_id,
        "receiptHandle": message_id,
        "body": message.body,
        "attributes": {
            "SentTimestamp": f"{now.timestamp() * 1000:.0f}",
            "ApproximateReceiveCount": str(received),
            "SenderId": DELETER,
        },
        "messageAttributes": {name: {"stringValue": value} for name, value in message.attributes.items()},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the deletions of one run needed."""

    proven: int
    calls: Counter[str]
    """To the cloud, by operation."""
    connections: int
    aws_requests: Counter[str]
    secret_reads: int


def count_ours(takes_s: float, deletions: int, *, jitter: Callable[[], float] | None = None) -> Counted:
    """Delete backups in the simulator, each from its message to its result. A deletion takes the cloud `takes_s`.

    The random numbers are the same in each run unless `jitter` returns others.
    """
    jitter = jitter or Random(1).random
    clock = ManualClock()
    aws = Aws(clock)
    settings = SimulatorSettings(delete_seconds=takes_s, token_seconds=24 * 3600)
    with Simulator(settings, clock=clock).running() as cloud, api_harness(cloud, clock=clock) as reach:
        deleter = make_deleter(reach.api, aws, Metrics("reaper"), clock, jitter)
        aws.send([NewMessage(body=json.dumps({"backup_id": each})) for each in cloud.add_backups(deletions)])
        aws.requests.clear()
        while (moment := aws.next_at()) is not None:
            clock.now = max(clock.now, moment)
            aws.deliver(lambda event: deleter.handle(event, lambda: 60.0, "invocation"))
        return Counted(
            proven=sum(result.outcome is Outcome.DELETED for result in aws.results),
            calls=Counter(operation for operation, _ in reach.calls.calls),
            connections=len({call.connection for call in cloud.journal.calls}),
            aws_requests=aws.requests,
            secret_reads=reach.secrets.reads,
        )


def make_deleter(
    client: CloudClient,
    aws: Aws,
    metrics: Metrics,
    clock: Clock,
    jitter: Callable[[], float],
    calls_at_once: int = CALLS_AT_ONCE,
    base_s: int = BASE_S,
) -> Deleter:
    """Return the deleter of one execution environment, for a stack without holds."""
    return Deleter(
        backups=client,
        holds=HoldStoreInMemory(),
        queue=aws,
        bus=aws,
        report=DeletionReport(metrics, logger),
        clock=clock,
        jitter=jitter,
        default_target=TARGET,
        base_s=base_s,
        calls_at_once=calls_at_once,
        trusted_senders={DELETER},
    )


@contextmanager
def deleter_of(stub: Stub, calls_at_once: int = CALLS_AT_ONCE) -> Iterator[Handle]:
    """Yield the handler: all of a record but AWS. A first pass must request the deletion, and the proof must end it."""
    secrets, metrics, aws = TargetSecretsInMemory(), Metrics("reaper"), Aws(utc_now)
    secrets.put(stub.secret())
    transports = Transports(calls_at_once=calls_at_once)
    client = CloudClient(
        secrets=secrets, metrics=metrics, clock=utc_now, transports=transports, logins=LoginStoreInMemory(utc_now)
    )
    deleter = make_deleter(client, aws, metrics, utc_now, lambda: 0.5, calls_at_once)

    def handle(event: dict[str, Any]) -> object:
        try:
            return deleter.handle(event, lambda: 60.0, "invocation")
        finally:
            metrics.flush()

    try:
        handle(batch(1))
        handle(batch(1, gone=True))
        if aws.next_at() is None or [result.outcome for result in aws.results] != [Outcome.DELETED]:
            raise RuntimeError(f"the passes ended differently: {aws.results}")
        yield handle
    finally:
        transports.close()


def batch(count: int = 10, *, gone: bool = False) -> dict[str, Any]:
    """Return an event of requests; with `gone`, of deletions that were requested before and are finished."""
    now = datetime.now(UTC)
    attributes = {"request_id": "r", "sent_at": now.isoformat(), "asked_at": now.isoformat()} if gone else {}
    ids = [f"{GONE}{number:012}" if gone else listed_id(number) for number in range(count)]
    messages = [NewMessage(body=json.dumps({"backup_id": each}), attributes=attributes) for each in ids]
    return {"Records": [_record(f"m-{number}", message, now, 1) for number, message in enumerate(messages)]}


@contextmanager
def quiet() -> Iterator[None]:
    """Write the log and the metrics to the null device."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        handler = logger.registered_handler
        before = handler.stream  # type: ignore[attr-defined]  # a StreamHandler
        handler.setStream(nowhere)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            handler.setStream(before)  # type: ignore[attr-defined]
