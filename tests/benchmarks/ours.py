"""Our deleter as it runs in Lambda, against the stub: the real handler, its log going nowhere."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.queue_in_memory import BusInMemory, QueueInMemory, record_of
from tests.benchmarks.servers import Stub
from tests.integration.reach import TARGET, Shelf
from tests.support.doubles import LoginStoreInMemory
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.logs import logger

Handle = Callable[[dict[str, Any]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A deleter, and what becomes of its messages."""

    handle: Handle
    queue: QueueInMemory
    bus: BusInMemory

    def check(self) -> None:
        """Pass once over a first message and over one whose backup is gone: the pair is asked for, and deleted.

        Raises:
            RuntimeError: something else came of them, so that nothing worth a figure would be measured.
        """
        self.handle(batch(1))
        self.handle(batch(1, gone=True))
        outcomes = [result.outcome for result in self.bus.results]
        if self.queue.next_at() is None or outcomes != [Outcome.DELETED]:
            raise RuntimeError(f"these passes are not what is to be measured: {outcomes}")


@contextmanager
def quiet() -> Iterator[None]:
    """Let log and metrics be written, to nowhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        shown = logger.registered_handler
        before = shown.stream  # type: ignore[attr-defined]  # a StreamHandler
        shown.setStream(nowhere)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            shown.setStream(before)  # type: ignore[attr-defined]


@contextmanager
def without_aws(stub: Stub, threads: int) -> Iterator[Ours]:
    """Everything of a record but AWS: envelope, decision, calls to the cloud, log line, metrics."""
    shelf, metrics = Shelf(), Metrics()
    shelf.put(stub.secret())
    transports = Transports(calls_at_once=threads)
    queue, bus = QueueInMemory(utc_now), BusInMemory()
    deleter = Deleter(
        backups=CloudClient(
            secrets=shelf, metrics=metrics, clock=utc_now, transports=transports, logins=LoginStoreInMemory(utc_now)
        ),
        queue=queue,
        bus=bus,
        report=DeletionReport(metrics, logger),
        clock=utc_now,
        jitter=lambda: 0.5,
        default_target=TARGET,
        base_s=60,
        calls_at_once=threads,
    )

    def handle(event: dict[str, Any]) -> object:
        try:
            return deleter.handle(event, lambda: 60.0, "invocation")
        finally:
            metrics.flush()

    ours = Ours(handle=handle, queue=queue, bus=bus)
    try:
        ours.check()
        yield ours
    finally:
        transports.close()


def batch(count: int = 10, *, gone: bool = False) -> dict[str, Any]:
    """An event of so many requests, sent now; with `gone`, of deletions already asked for and done."""
    now = datetime.now(UTC)
    first = "dead4f6a" if gone else "0b5e4f6a"
    attributes = {"request_id": "r", "sent_at": now.isoformat(), "asked_at": now.isoformat()} if gone else {}
    messages = [
        NewMessage(body=json.dumps({"backup_id": f"{first}-7c1d-4e2f-9a3b-{number:012}"}), attributes=attributes)
        for number in range(count)
    ]
    records = [record_of(f"message-{number}", message, now) for number, message in enumerate(messages)]
    for record in records:
        record["attributes"]["ApproximateReceiveCount"] = "1"
    return {"Records": records}
