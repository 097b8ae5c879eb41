"""The scenario of `make run` as values: the backups in the cloud, the requests in each phase, and the faults."""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from tests.support.simulator.cloud import Cloud
from tests.support.simulator.settings import OTHER_PROJECT_ID

OTHER_PROJECT = OTHER_PROJECT_ID
TARGETS: Mapping[str, str] = {"default": "vbs", "cinder": "cinder", "cbr": "cbr"}
"""The targets and their services: three APIs of one project, which show the same backups."""
PROVE_ALREADY_GONE = ("default", "cinder")
"""The targets that can prove that a backup never existed. CBR cannot: its 404 names no backup."""
FIRST_DAY = datetime(2026, 10, 1, 3, tzinfo=UTC)


class Trouble(StrEnum):
    """The fault of the cloud during a phase."""

    NONE = "no faults"
    SERVICE_DOWN = "fault: the backup service is down"
    THROTTLED = "fault: the cloud throttles"
    TOKEN_REVOKED = "fault: the token is revoked"
    ANSWERS_LOST = "fault: responses are lost after the work is done"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBackup:
    """A backup that exists before the scenario begins."""

    id: str
    volume_id: str
    name: str
    created_at: datetime
    status: str = "available"
    description: str = ""
    is_foreign: bool = False
    """Whether it belongs to another project, which the deleter must never change."""
    held_by: str = ""
    """What an operator holds with `vbs-reaper hold`: `backup`, `volume` or nothing."""


def store(backups: Iterable[StoredBackup], cloud: Cloud) -> None:
    """Create the backups in the cloud."""
    for backup in backups:
        cloud.add_backup(
            id=backup.id,
            volume_id=backup.volume_id,
            name=backup.name,
            description=backup.description,
            status=backup.status,
            created_at=backup.created_at,
            project_id=OTHER_PROJECT if backup.is_foreign else cloud.project_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request and its expected end: the `reason` of its refusal, or empty if its backup must be gone."""

    body: str
    by_bus: bool
    backup_id: str
    """The backup that it names; empty if the request is malformed."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the scenario: requests that are sent at its start, under a fault that lasts until its end."""

    trouble: Trouble
    lasts_s: float
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All phases. Backups in `stored` that no request may delete must be unchanged at the end."""

    stored: tuple[StoredBackup, ...]
    phases: tuple[Phase, ...]

    @property
    def requests(self) -> list[Request]:
        """Every request, in the order in which they are sent."""
        return [request for phase in self.phases for request in phase.requests]

    @property
    def to_delete(self) -> frozenset[str]:
        """The backups that must be gone at the end; all others must remain."""
        asked = {request.backup_id for request in self.requests if not request.reason}
        return frozenset(asked & {backup.id for backup in self.stored if not backup.is_foreign})


def make_scenario(seed: int) -> Scenario:
    """Return the scenario of this seed, always the same one."""
    return _ScenarioBuilder(random.Random(seed)).make_scenario()


MALFORMED: Sequence[Callable[[str], str]] = (
    lambda backup_id: '{"backup_id": "' + backup_id,
    lambda backup_id: json.dumps({"backup_id": backup_id.upper()}),
    lambda backup_id: json.dumps({"backup_id": "{" + backup_id + "}"}),
    lambda backup_id: json.dumps({"backup_id": backup_id + "\n"}),
    lambda backup_id: json.dumps({"backup_id": f"../volumes/{backup_id}"}),
    lambda backup_id: json.dumps({"backup_id": backup_id, "force": True}),
    lambda backup_id: json.dumps({"backup_id": [backup_id]}),
    lambda backup_id: json.dumps({"backup_id": ""}),
    lambda backup_id: json.dumps({"backup_id": backup_id, "expect": {"age": float("nan")}}),
    lambda backup_id: json.dumps({"backup": backup_id}),
    lambda _: "[" * 100_000,
    lambda _: "delete everything",
)
"""Malformed requests, each with the ID of a backup that must remain."""


class _ScenarioBuilder:
    """Creates random backups and requests."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng
        self._stored: list[StoredBackup] = []

    def make_scenario(self) -> Scenario:
        good = [self._store(status=self._random.choice(["available"] * 9 + ["error"])) for _ in range(130)]
        repeated = [self._good(backup) for backup in self._random.choices(good, k=16)]
        gone = [self._request(self._id(), targets=PROVE_ALREADY_GONE) for _ in range(12)]
        requests = [*map(self._good, good), *gone, *self._refused()]
        self._random.shuffle(requests)
        for _ in range(28):
            self._store()  # backups that no request names
        quarter = len(requests) // 4
        parts = [requests[start * quarter : (start + 1) * quarter] for start in range(2)]
        late = requests[2 * quarter :]
        fifth = len(late) // 5
        phases = [
            (Trouble.NONE, 4.0, [*parts[0], *parts[1]]),
            (Trouble.SERVICE_DOWN, 3.0, late[:fifth]),
            (Trouble.THROTTLED, 3.0, late[fifth : 2 * fifth]),
            (Trouble.TOKEN_REVOKED, 1.0, late[2 * fifth : 3 * fifth]),
            (Trouble.ANSWERS_LOST, 3.0, late[3 * fifth : 4 * fifth]),
            (Trouble.NONE, 0.0, [*late[4 * fifth :], *repeated]),
        ]
        return Scenario(
            stored=tuple(self._stored),
            phases=tuple(
                Phase(trouble=trouble, lasts_s=lasts_s, requests=tuple(part)) for trouble, lasts_s, part in phases
            ),
        )

    def _refused(self) -> list[Request]:
        marked = [self._store(name="[hold] keep me"), *(self._store(description="for audit [hold]") for _ in range(7))]
        held = [*marked, *(self._store(held_by=what) for what in ("backup", "volume"))]
        guarded = [self._store(is_foreign=True) for _ in range(6)]
        foreign = [self._store(is_foreign=True) for _ in range(4)]
        return [
            *(self._request(backup.id, reason="held") for backup in held),
            *(self._request(backup.id, reason="wrong_project", project_id=OTHER_PROJECT) for backup in guarded),
            # Another project's backups look as if they did not exist.
            *(self._request(backup.id, targets=PROVE_ALREADY_GONE) for backup in foreign),
            *(self._failing_expectation() for _ in range(10)),
            *(self._malformed(body) for body in MALFORMED),
        ]

    def _good(self, backup: StoredBackup) -> Request:
        expectations: list[dict[str, Any]] = [
            {},
            {"volume_id": backup.volume_id},
            {"volume_id": backup.volume_id, "created_at": backup.created_at.isoformat(), "name": backup.name},
        ]
        expect = self._random.choice(expectations)
        return self._request(backup.id, expect=expect) if expect else self._request(backup.id)

    def _failing_expectation(self) -> Request:
        backup = self._store()
        mistakes: list[dict[str, Any]] = [
            {"volume_id": self._id()},
            {"name": "another name"},
            {"created_at": (backup.created_at + timedelta(days=1)).isoformat()},
            {"survivors": [self._id()]},
        ]
        wrong = self._random.choice(mistakes)
        targets = PROVE_ALREADY_GONE if "survivors" in wrong else tuple(TARGETS)
        return self._request(backup.id, reason="expectation_failed", targets=targets, expect=wrong)

    def _malformed(self, body: Callable[[str], str]) -> Request:
        return Request(body=body(self._store().id), by_bus=False, backup_id="", reason="malformed")

    def _request(
        self, backup_id: str, *, reason: str = "", targets: Sequence[str] = tuple(TARGETS), **fields: object
    ) -> Request:
        return Request(
            body=json.dumps({"backup_id": backup_id, "target": self._random.choice(targets), **fields}),
            by_bus=self._random.random() < 1 / 3,
            backup_id=backup_id,
            reason=reason,
        )

    def _store(
        self,
        *,
        name: str = "",
        description: str = "",
        status: str = "available",
        is_foreign: bool = False,
        held_by: str = "",
    ) -> StoredBackup:
        number = len(self._stored)
        backup = StoredBackup(
            id=self._id(),
            volume_id=self._id(),
            name=name or f"daily-{number:03}",
            description=description,
            created_at=FIRST_DAY + timedelta(hours=number),
            status=status,
            is_foreign=is_foreign,
            held_by=held_by,
        )
        self._stored.append(backup)
        return backup

    def _id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))
