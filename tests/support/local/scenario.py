"""The story of `make run`, told in values: what the cloud holds, which requests go in when, and what goes wrong."""

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
SAY_NEVER = ("default", "cinder")
"""The targets that can prove that a backup never was there. CBR cannot: its 404 names no backup."""
FIRST_DAY = datetime(2026, 10, 1, 3, tzinfo=UTC)


class Trouble(StrEnum):
    """What happens to the cloud during a chapter."""

    NONE = "no faults"
    SERVICE_DOWN = "fault: the backup service is down"
    THROTTLED = "fault: the cloud throttles"
    TOKEN_REVOKED = "fault: the token is revoked"
    ANSWERS_LOST = "fault: responses are lost after the work is done"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBackup:
    """A backup as it lies in the cloud before the story begins."""

    id: str
    volume_id: str
    name: str
    created_at: datetime
    status: str = "available"
    description: str = ""
    is_foreign: bool = False
    """Whether it lies in another project, which the deleter must never touch."""
    held_by: str = ""
    """Whether an operator holds the `backup`, or its `volume`, in the stack's bucket."""


def store(backups: Iterable[StoredBackup], cloud: Cloud) -> None:
    """Put the backups there."""
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
    """One request, and how it must end: `reason` of its refusal, or empty where its backup must be gone."""

    body: str
    by_bus: bool
    backup_id: str
    """The backup it names, empty where it names none that could be read."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A stretch of the story: its requests go in at its start, its trouble lasts for all of it."""

    trouble: Trouble
    lasts_s: float
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All of it. Backups in `stored` that no request may delete must be there, unchanged, at the end."""

    stored: tuple[StoredBackup, ...]
    chapters: tuple[Chapter, ...]

    @property
    def requests(self) -> list[Request]:
        """Every request, in the order in which they go in."""
        return [request for chapter in self.chapters for request in chapter.requests]

    @property
    def doomed(self) -> frozenset[str]:
        """The backups that must be gone in the end; all others must stay."""
        asked = {request.backup_id for request in self.requests if not request.reason}
        return frozenset(asked & {backup.id for backup in self.stored if not backup.is_foreign})


def tell(seed: int) -> Story:
    """Make the story of this seed: the same seed, the same story."""
    return _Teller(random.Random(seed)).tell()


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
"""Bodies that are no request, each made from the id of a backup that must stay."""


class _Teller:
    """Draws backups and requests from one source of chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._stored: list[StoredBackup] = []

    def tell(self) -> Story:
        good = [self._store(status=self._chance.choice(["available"] * 9 + ["error"])) for _ in range(130)]
        repeated = [self._good(backup) for backup in self._chance.choices(good, k=16)]
        gone = [self._request(self._id(), targets=SAY_NEVER) for _ in range(12)]
        requests = [*map(self._good, good), *gone, *self._refused()]
        self._chance.shuffle(requests)
        for _ in range(28):
            self._store()  # neighbours that no request names
        quarter = len(requests) // 4
        parts = [requests[start * quarter : (start + 1) * quarter] for start in range(2)]
        late = requests[2 * quarter :]
        fifth = len(late) // 5
        chapters = [
            (Trouble.NONE, 4.0, [*parts[0], *parts[1]]),
            (Trouble.SERVICE_DOWN, 3.0, late[:fifth]),
            (Trouble.THROTTLED, 3.0, late[fifth : 2 * fifth]),
            (Trouble.TOKEN_REVOKED, 1.0, late[2 * fifth : 3 * fifth]),
            (Trouble.ANSWERS_LOST, 3.0, late[3 * fifth : 4 * fifth]),
            (Trouble.NONE, 0.0, [*late[4 * fifth :], *repeated]),
        ]
        return Story(
            stored=tuple(self._stored),
            chapters=tuple(
                Chapter(trouble=trouble, lasts_s=lasts_s, requests=tuple(part)) for trouble, lasts_s, part in chapters
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
            # "not in this project" is all we may know of them
            *(self._request(backup.id, targets=SAY_NEVER) for backup in foreign),
            *(self._failing_expectation() for _ in range(10)),
            *(self._malformed(body) for body in MALFORMED),
        ]

    def _good(self, backup: StoredBackup) -> Request:
        expectations: list[dict[str, Any]] = [
            {},
            {"volume_id": backup.volume_id},
            {"volume_id": backup.volume_id, "created_at": backup.created_at.isoformat(), "name": backup.name},
        ]
        expect = self._chance.choice(expectations)
        return self._request(backup.id, expect=expect) if expect else self._request(backup.id)

    def _failing_expectation(self) -> Request:
        backup = self._store()
        mistakes: list[dict[str, Any]] = [
            {"volume_id": self._id()},
            {"name": "another name"},
            {"created_at": (backup.created_at + timedelta(days=1)).isoformat()},
            {"survivors": [self._id()]},
        ]
        wrong = self._chance.choice(mistakes)
        targets = SAY_NEVER if "survivors" in wrong else tuple(TARGETS)
        return self._request(backup.id, reason="expectation_failed", targets=targets, expect=wrong)

    def _malformed(self, body: Callable[[str], str]) -> Request:
        return Request(body=body(self._store().id), by_bus=False, backup_id="", reason="malformed")

    def _request(
        self, backup_id: str, *, reason: str = "", targets: Sequence[str] = tuple(TARGETS), **fields: object
    ) -> Request:
        return Request(
            body=json.dumps({"backup_id": backup_id, "target": self._chance.choice(targets), **fields}),
            by_bus=self._chance.random() < 1 / 3,
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
        return str(UUID(int=self._chance.getrandbits(128), version=4))
