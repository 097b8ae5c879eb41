"""What each layer of a first pass takes of it: measured alone, on the very messages of the whole."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import requests
from urllib3 import PoolManager

from tests.benchmarks.measure import Spent, take_turns
from tests.benchmarks.ours import batch, quiet, without_aws
from tests.benchmarks.servers import Stub, stub
from tests.benchmarks.stub_answers import listed_id
from tests.benchmarks.table import Row
from tests.integration.reach import TARGET, Shelf
from tests.support.doubles import LoginStoreInMemory
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.backups.answer import Answer, Listing
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.clock import TimeLeft, utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.decision import Asked, Pass
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.message import Delivery, Message, read_message
from vbs_reaper.deletion.reconcile import Reconciler
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.logs import logger

BATCHES: Final = 5
"""Batches of ten records in a turn."""
RECORDS: Final = 10 * BATCHES
Turn = Callable[[], None]


class _Remembered:
    """A backup service that says at once what the real one said. Implements `deletion.ports.BackupService`."""

    def __init__(self, shown: Answer, deleted: Answer) -> None:
        self._shown = shown
        self._deleted = deleted

    def show_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        return self._shown

    def delete_backup(self, ref: BackupRef, time_left: TimeLeft) -> Answer:
        return self._deleted

    def list_volume(self, ref: BackupRef, volume_id: str, time_left: TimeLeft) -> Listing | Answer:
        return self._shown


def measure_layers(rounds: int) -> list[Row]:
    """Rows of each layer against the whole pass, and of the same two calls by urllib3 against `requests.Session`."""
    with ExitStack() as stack:
        at = stack.enter_context(stub())
        stack.enter_context(quiet())
        spent = take_turns(_layers(at, stack) | _peers(at, stack), rounds)
    names = ("envelope", "decision and gate", "client and HTTP", "log line", "metrics")
    rows = [_row(f"{name} / a whole pass with look and DELETE", spent[name], spent["whole"]) for name in names]
    bound = _row(
        "the same calls by urllib3 alone / one DELETE by requests.Session", spent["urllib3"], spent["requests"]
    )
    return [*rows, bound]


def _layers(at: Stub, stack: ExitStack) -> dict[str, Turn]:
    first = batch(10)
    handle = stack.enter_context(without_aws(at, 5)).handle
    messages = [read_message(record, utc_now()) for record in first["Records"]]
    request = open_envelope(messages[0].body, messages[0].sent_at)
    if not isinstance(request, DeleteRequest):
        raise TypeError("a single request was put in")
    metrics = Metrics()
    api = _api(at, metrics, stack)
    ref = BackupRef(target=TARGET, backup_id=BackupId(request.backup_id))

    def whole() -> None:
        for _ in range(BATCHES):
            handle(first)

    def envelope() -> None:
        now = utc_now()
        for _ in range(BATCHES):
            for record in first["Records"]:
                message = read_message(record, now)
                open_envelope(message.body, message.sent_at)

    def client() -> None:
        for _ in range(RECORDS):
            api.show_backup(ref, _plenty)
            api.delete_backup(ref, _plenty)

    passes = Reconciler(_Remembered(api.show_backup(ref, _plenty), api.delete_backup(ref, _plenty)), utc_now)

    def decision() -> None:
        for message in messages * BATCHES:
            passes.reconcile(Pass(request=request, delivery=_delivery(message)), TARGET, _plenty)

    report = DeletionReport(Metrics(), logger)

    def log_line() -> None:
        for message in messages * BATCHES:
            report.decided(message, request, Asked(delay_s=30, message="asked for"), utc_now())

    def count() -> None:
        for _ in range(BATCHES):
            for _ in range(10):
                metrics.answered("ShowBackup", "200", 0.1)
                metrics.answered("DeleteBackup", "202", 0.1)
                metrics.decided("asked")
            metrics.flush()

    return {
        "whole": whole,
        "envelope": envelope,
        "decision and gate": decision,
        "client and HTTP": client,
        "log line": log_line,
        "metrics": count,
    }


def _peers(at: Stub, stack: ExitStack) -> dict[str, Turn]:
    session = stack.enter_context(requests.Session())
    pool = stack.enter_context(PoolManager())
    token = {"X-Auth-Token": "x" * 186}
    session.headers.update(token)

    def with_requests() -> None:
        for number in range(RECORDS):
            session.delete(f"{at.backups_url}/{listed_id(number)}", timeout=10).raise_for_status()

    def with_urllib3() -> None:
        for number in range(RECORDS):
            url = f"{at.backups_url}/{listed_id(number)}"
            pool.request("GET", url, headers=token, timeout=10)
            pool.request("DELETE", url, headers=token, timeout=10)

    return {"requests": with_requests, "urllib3": with_urllib3}


def _api(at: Stub, metrics: Metrics, stack: ExitStack) -> CloudClient:
    shelf, transports = Shelf(), Transports(calls_at_once=1)
    shelf.put(at.secret())
    stack.callback(transports.close)
    return CloudClient(
        secrets=shelf, metrics=metrics, clock=utc_now, transports=transports, logins=LoginStoreInMemory(utc_now)
    )


def _delivery(message: Message) -> Delivery:
    return Delivery(message=message, now=utc_now(), base_s=60, jitter=0.5, target=TARGET)


def _plenty() -> float:
    return 60.0


def _row(name: str, ours: list[Spent], whole: list[Spent]) -> Row:
    pairs = [(mine.cpu_s / RECORDS * 1e6, its.cpu_s / RECORDS * 1e6) for mine, its in zip(ours, whole, strict=True)]
    return Row(part="record", name=name, pairs=pairs, unit="µs CPU")
