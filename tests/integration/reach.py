"""The backup API set up against a simulated cloud: secrets in memory, every call written down, time by hand."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from tests.support.doubles import LoginStoreInMemory, ManualClock
from tests.support.simulator.cloud import Cloud
from vbs_reaper.backups.answer import Answer, Operation
from vbs_reaper.backups.identifiers import BackupId, ProjectId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clock import Clock, utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.transport import Transports
from vbs_reaper.deletion.decision import Pass
from vbs_reaper.deletion.message import Delivery, read_message
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import InvalidSecret

TARGET = "otc-test"
UNKNOWN_ID = "11111111-2222-4333-8444-555555555555"
"""The ID of no backup."""


class Shelf:
    """Secrets in memory; each `put` is a new version. Implements `clouds.ports.TargetSecrets`."""

    def __init__(self, stored_at: Clock = utc_now) -> None:
        self._stored_at = stored_at
        self._numbers = itertools.count(1)
        self._stored: dict[str, StoredSecret] = {}
        self.reads = 0

    def put(self, document: dict[str, Any], target: str = TARGET) -> None:
        self._stored[target] = StoredSecret(
            version_id=str(next(self._numbers)),
            text=Secret(json.dumps(document)),
            name=f"vbs-reaper/{target}",
            created_at=self._stored_at(),
        )

    def read(self, target: str) -> StoredSecret:
        self.reads += 1
        if target not in self._stored:
            raise InvalidSecret(f'target "{target}": secret vbs-reaper/{target} does not exist; create it')
        return self._stored[target]


class CallBook:
    """Every call in order, as operation and status code. Implements `clouds.ports.CallMetrics`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.calls: list[tuple[str, str]] = []

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None:
        assert seconds >= 0
        with self._lock:
            self.calls.append((operation.value, status_code))

    def take(self) -> list[tuple[str, str]]:
        """The calls since the last time."""
        with self._lock:
            taken, self.calls = self.calls, []
        return taken


class Hourglass:
    """Seconds left; may lose some at every look."""

    def __init__(self, left_s: float = 60.0, *, per_look_s: float = 0.0) -> None:
        self._left_s = left_s
        self._per_look_s = per_look_s

    def __call__(self) -> float:
        left = self._left_s
        self._left_s -= self._per_look_s
        return left


@dataclass(kw_only=True)
class Reach:
    """A backup API, and what stands around it."""

    cloud: Cloud
    shelf: Shelf
    book: CallBook
    clock: ManualClock
    api: CloudClient
    logins: LoginStoreInMemory
    slept_s: list[float] = field(default_factory=list)

    def show(self, backup_id: str, *, project_id: str | None = None, left_s: float = 60.0) -> Answer:
        return self.api.show_backup(ref(backup_id, project_id), Hourglass(left_s))

    def delete(self, backup_id: str, *, project_id: str | None = None, left_s: float = 60.0) -> Answer:
        return self.api.delete_backup(ref(backup_id, project_id), Hourglass(left_s))


def ref(backup_id: str, project_id: str | None = None) -> BackupRef:
    return BackupRef(
        target=TARGET, backup_id=BackupId(backup_id), project_id=ProjectId(project_id) if project_id else None
    )


def first_pass(reach: Reach, backup_id: str) -> Pass:
    """The pass of a request that was delivered just now, for the first time."""
    message = read_message({"messageId": "m-1"}, reach.clock())
    delivery = Delivery(message=message, now=reach.clock(), base_s=60, jitter=0.5)
    return Pass(request=DeleteRequest(backup_id=BackupId(backup_id)), delivery=delivery)


def with_auth(secret: dict[str, Any], **auth: str | None) -> dict[str, Any]:
    """A target secret with other values in `auth`; None removes a key."""
    merged = {**secret["auth"], **auth}
    return {**secret, "auth": {key: value for key, value in merged.items() if value is not None}}


@contextmanager
def reaching(
    cloud: Cloud,
    *,
    clock: ManualClock | None = None,
    shelf: Shelf | None = None,
    logins: LoginStoreInMemory | None = None,
    calls_at_once: int = 5,
    deadline_s: float = 10.0,
    **secret: Any,  # noqa: ANN401  # the arguments of `Cloud.target_secret`
) -> Iterator[Reach]:
    """A backup API for the cloud's member, or whom `secret` names. Sleeping lets the manual clock go on."""
    book, clock = CallBook(), clock or ManualClock()
    logins = logins or LoginStoreInMemory(clock)
    if shelf is None:
        shelf = Shelf(clock)
        shelf.put(cloud.target_secret(**secret))
    transports = Transports(calls_at_once=calls_at_once, deadline_s=deadline_s)
    slept_s: list[float] = []

    def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        clock.advance(seconds)

    api = CloudClient(
        secrets=shelf, metrics=book, clock=clock, transports=transports, logins=logins, sleep=sleep, jitter=lambda: 0.5
    )
    try:
        yield Reach(cloud=cloud, shelf=shelf, book=book, clock=clock, api=api, logins=logins, slept_s=slept_s)
    finally:
        transports.close()
