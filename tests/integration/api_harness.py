"""Sets up the client of the backup API with a simulated cloud, in-memory secrets and a manual clock."""

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
"""The ID of a backup that does not exist."""


class TargetSecretsInMemory:
    """Implements `clouds.ports.TargetSecrets`. Each `put` stores a new version."""

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


class CallRecorder:
    """Records each call as operation and status code. Implements `clouds.ports.CallMetrics`."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.calls: list[tuple[str, str]] = []

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None:
        assert seconds >= 0
        with self._lock:
            self.calls.append((operation.value, status_code))

    def take(self) -> list[tuple[str, str]]:
        """Return the calls since the last `take`."""
        with self._lock:
            taken, self.calls = self.calls, []
        return taken


class FakeTimeLeft:
    """The remaining time in seconds. Each read reduces it by `cost_per_read_s`."""

    def __init__(self, left_s: float = 60.0, *, cost_per_read_s: float = 0.0) -> None:
        self._left_s = left_s
        self._cost_per_read_s = cost_per_read_s

    def __call__(self) -> float:
        left = self._left_s
        self._left_s -= self._cost_per_read_s
        return left


@dataclass(kw_only=True)
class ApiHarness:
    """A client of the backup API, and what it uses."""

    cloud: Cloud
    secrets: TargetSecretsInMemory
    calls: CallRecorder
    clock: ManualClock
    api: CloudClient
    logins: LoginStoreInMemory
    slept_s: list[float] = field(default_factory=list)

    def show(self, backup_id: str, *, project_id: str | None = None, left_s: float = 60.0) -> Answer:
        return self.api.show_backup(ref(backup_id, project_id), FakeTimeLeft(left_s))

    def delete(self, backup_id: str, *, project_id: str | None = None, left_s: float = 60.0) -> Answer:
        return self.api.delete_backup(ref(backup_id, project_id), FakeTimeLeft(left_s))


def ref(backup_id: str, project_id: str | None = None) -> BackupRef:
    return BackupRef(
        target=TARGET, backup_id=BackupId(backup_id), project_id=ProjectId(project_id) if project_id else None
    )


def first_pass(harness: ApiHarness, backup_id: str) -> Pass:
    """Return the first pass of a request, delivered now."""
    message = read_message({"messageId": "m-1"}, harness.clock())
    delivery = Delivery(message=message, now=harness.clock(), base_s=60, jitter=0.5)
    return Pass(request=DeleteRequest(backup_id=BackupId(backup_id)), delivery=delivery)


def with_auth(secret: dict[str, Any], **auth: str | None) -> dict[str, Any]:
    """Return a target secret with changed values in `auth`; None removes a key."""
    merged = {**secret["auth"], **auth}
    return {**secret, "auth": {key: value for key, value in merged.items() if value is not None}}


@contextmanager
def api_harness(
    cloud: Cloud,
    *,
    clock: ManualClock | None = None,
    secrets: TargetSecretsInMemory | None = None,
    logins: LoginStoreInMemory | None = None,
    calls_at_once: int = 5,
    deadline_s: float = 10.0,
    **secret: Any,  # noqa: ANN401  # the arguments of `Cloud.target_secret`
) -> Iterator[ApiHarness]:
    """Set up a client for the user `member` or the one in `secret`. Sleeping advances the manual clock."""
    calls, clock = CallRecorder(), clock or ManualClock()
    logins = logins or LoginStoreInMemory(clock)
    if secrets is None:
        secrets = TargetSecretsInMemory(clock)
        secrets.put(cloud.target_secret(**secret))
    transports = Transports(calls_at_once=calls_at_once, deadline_s=deadline_s)
    slept_s: list[float] = []

    def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        clock.advance(seconds)

    api = CloudClient(
        secrets=secrets,
        metrics=calls,
        clock=clock,
        transports=transports,
        logins=logins,
        sleep=sleep,
        jitter=lambda: 0.5,
    )
    try:
        yield ApiHarness(
            cloud=cloud, secrets=secrets, calls=calls, clock=clock, api=api, logins=logins, slept_s=slept_s
        )
    finally:
        transports.close()
