"""A model of the backup service with two projects, and of Keystone: their state, and responses as bytes."""

import json
import math
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.simulation.faults import Fault, Faults
from tests.simulation.timeline import HOUR, Timeline

TOKEN_LIFE_S = 3600.0
HOLDS = ("[hold]", "[HOLD]", "[ Hold ]", "［hold］", "[ho\u200bld]")  # full-width brackets
HOLD_KEYS = frozenset({"hold", "Hold ", "HOLD"})
"""Spellings of a hold."""


@dataclass(frozen=True, slots=True)
class Project:
    """A target and its project."""

    target: str
    project_id: str
    api_version: str
    hold_marker: str = "[hold]"
    service: str = ""
    """The service in the secret, if it does not follow from the version."""

    @property
    def shows_metadata(self) -> bool:
        return self.api_version == "v3" and self.service != "cbr"

    @property
    def service_host(self) -> str:
        return f"backup.{self.target}.example"

    @property
    def empty_host(self) -> str:
        """Another address of the service, without backups."""
        return f"empty.{self.target}.example"

    @property
    def keystone_host(self) -> str:
        return f"iam.{self.target}.example"


PROJECTS = (Project("default", "5a1e0c7b9d3f4826a0b4c6d8e2f01357", "v2"), Project("other", "0f" * 16, "v3"))


@dataclass(slots=True)
class CloudBackup:
    """A backup in the cloud."""

    id: str
    project: Project
    volume_id: str
    created_s: float
    name: str | None
    description: str | None = None
    status: str = "available"
    updated_s: float = 0.0
    metadata: dict[str, str] = field(default_factory=dict)
    is_incremental: bool = False

    @property
    def is_held(self) -> bool:
        texts = (self.name or "", self.description or "")
        in_metadata = bool(HOLD_KEYS & set(self.metadata)) and self.project.shows_metadata
        return in_metadata or any(hold in text for text in texts for hold in HOLDS)


@dataclass(frozen=True, slots=True)
class Response:
    """A response of the service, and the record in it, if any."""

    status: int
    headers: dict[str, str]
    body: bytes
    shows: dict[str, Any] | None = None


def new_id(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


class Limiter:
    """The rate limiter of Cinder: a leaky bucket. Rejected calls are not counted."""

    def __init__(self, timeline: Timeline, calls_a_minute: int) -> None:
        self._timeline = timeline
        self._a_call_s = 60.0 / calls_a_minute
        self._level_s = 0.0
        self._since = timeline.now

    def turns_away_for_s(self) -> int:
        """Count a call; return 0, or the seconds to wait."""
        now = self._timeline.now
        level_s = max(0.0, self._level_s - (now - self._since)) + self._a_call_s
        if level_s > 60.0 + 1e-9:
            return math.ceil(level_s - 60.0)
        self._level_s, self._since = level_s, now
        return 0


class Cloud:
    """The state of the cloud: backups, deletions in progress and tokens."""

    def __init__(self, timeline: Timeline, rng: random.Random, faults: Faults) -> None:
        self._timeline = timeline
        self._rng = rng
        self._faults = faults
        self.backups: dict[str, CloudBackup] = {}
        self.history: dict[str, Project] = {}
        self.tokens: dict[str, tuple[Project, float]] = {}
        self.password = "canary-password-1"
        self.refused_logins: dict[str, list[float]] = {}
        """The times of rejected logins by user."""
        self.gone_proofs: dict[str, str] = {}
        """The request ID of every true "not found", and its backup."""
        self.empty_proofs: set[str] = set()
        """Request IDs of "not found" at an address that has no backups."""
        self.accepted = 0

    def add(self, backup: CloudBackup) -> CloudBackup:
        self.backups[backup.id] = backup
        self.history[backup.id] = backup.project
        return backup

    def has(self, project: Project, backup_id: str) -> bool:
        backup = self.backups.get(backup_id)
        return backup is not None and backup.project is project

    # Keystone

    def log_in(self, project: Project, body: bytes) -> Response:
        password = json.loads(body)["auth"]["identity"]["password"]["user"]["password"]
        if password != self.password:
            self.refused_logins.setdefault(project.target, []).append(self._timeline.now)
            return self._fault(401, "error", "The request you have made requires authentication.")
        token = f"canary-token-{self._rng.getrandbits(64):016x}"
        self.tokens[token] = (project, self._timeline.now + TOKEN_LIFE_S)
        scope = self._scope(project)
        roles = ["member", "Admin"] if self._faults.lasts(Fault.ADMINISTRATOR) else ["member"]
        issued = self._timeline.moment()
        document = {
            "token": {
                "methods": ["password"],
                "user": {"id": "u" * 32, "name": "cleaner", "domain": {"id": "d", "name": "D"}},
                "issued_at": issued.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
                "expires_at": (issued + timedelta(seconds=TOKEN_LIFE_S)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
                "project": {"id": scope, "name": project.target, "domain": {"id": "d", "name": "D"}},
                "roles": [{"id": role, "name": role} for role in roles],
                "catalog": [],
            }
        }
        return Response(201, {"x-subject-token": token, "content-type": "application/json"}, _json(document))

    def _scope(self, project: Project) -> str:
        if self._faults.strikes(Fault.TOKEN_OF_ANOTHER, 0.1):
            return next(other.project_id for other in PROJECTS if other is not project)
        return project.project_id

    def revoke_all(self) -> None:
        self.tokens.clear()

    # The backup service

    def answer(self, method: str, path: str, query: dict[str, str], token: str) -> Response:
        scope, expires = self.tokens.get(token, (None, 0.0))
        if scope is None or expires <= self._timeline.now:
            return self._fault(401, "error", "The request you have made requires authentication.")
        _, version, project_id, kind, *rest = path.split("/")
        if project_id != scope.project_id:
            return self._fault(400, "badRequest", "Malformed request url")
        if version != scope.api_version or kind != "backups" or len(rest) != 1:
            return Response(404, {"content-type": "text/html"}, b"<html>404 Not Found</html>")
        if rest == ["detail"]:
            return self._list(scope, query)
        backup = self.backups.get(rest[0])
        if backup is None or backup.project is not scope:
            return self.not_found(rest[0])
        return self._show(backup) if method == "GET" else self._delete(backup)

    def not_found(self, backup_id: str) -> Response:
        response = self._fault(404, "itemNotFound", f"Backup {backup_id} could not be found.")
        self.gone_proofs[response.headers["x-openstack-request-id"]] = backup_id
        return response

    def not_found_elsewhere(self, backup_id: str) -> Response:
        """Return the same from an address that never had it, or from a replica that does not have it yet."""
        response = self._fault(404, "itemNotFound", f"Backup {backup_id} could not be found.")
        self.empty_proofs.add(response.headers["x-openstack-request-id"])
        return response

    def _show(self, backup: CloudBackup) -> Response:
        shown = self.record(backup)
        return Response(200, self._headers(), _json({"backup": shown}), shown)

    def record(self, backup: CloudBackup) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": backup.id,
            "volume_id": backup.volume_id,
            "status": backup.status,
            "created_at": self._written(backup.created_s),
            "updated_at": self._written(backup.updated_s),
            "name": backup.name,
            "description": backup.description,
            "is_incremental": backup.is_incremental,
            "size": 1,
            "fail_reason": None,
        }
        if backup.project.shows_metadata:
            shown["metadata"] = backup.metadata
        return shown

    def _list(self, project: Project, query: dict[str, str]) -> Response:
        mine = [
            backup
            for backup in self.backups.values()
            if backup.project is project and backup.volume_id == query.get("volume_id", backup.volume_id)
        ]
        mine.sort(key=lambda backup: backup.created_s, reverse=True)
        return Response(200, self._headers(), _json({"backups": [self.record(backup) for backup in mine]}))

    def _delete(self, backup: CloudBackup) -> Response:
        if self._faults.lasts(Fault.NO_WORKER) or (int(backup.id[0], 16) < 2 and self._faults.lasts(Fault.HOST_DOWN)):
            return self._fault(404, "itemNotFound", "Service cinder-backup could not be found.")
        if backup.status not in {"available", "error"}:
            return self._fault(400, "badRequest", "Invalid backup: Backup status must be available or error")
        if self.dependents(backup):
            return self._fault(400, "badRequest", "Invalid backup: Incremental backups exist for this backup.")
        backup.status, backup.updated_s = "deleting", self._timeline.now
        self.accepted += 1
        self._finish_deleting(backup)
        return Response(202, self._headers(), b"")

    def dependents(self, backup: CloudBackup) -> list[CloudBackup]:
        return [
            other
            for other in self.backups.values()
            if other.is_incremental
            and other.volume_id == backup.volume_id
            and other.created_s > backup.created_s
            and not self._has_full_between(backup, other)
        ]

    def _has_full_between(self, older: CloudBackup, newer: CloudBackup) -> bool:
        return any(
            not full.is_incremental and older.created_s < full.created_s < newer.created_s
            for full in self.backups.values()
            if full.volume_id == older.volume_id
        )

    def _finish_deleting(self, backup: CloudBackup) -> None:
        takes_s = self._rng.uniform(2, 100)
        if self._faults.strikes(Fault.DELETION_STUCK, 0.2):
            takes_s = self._rng.uniform(1, 5) * HOUR
        ends_as = None
        if self._faults.strikes(Fault.DELETION_FAILS, 0.3):
            ends_as = "error"
        elif backup.project.service != "cbr" and self._faults.strikes(Fault.ERROR_DELETING, 0.1):
            ends_as = "error_deleting"
        self._timeline.after(takes_s, lambda: self._finished(backup, ends_as))

    def _finished(self, backup: CloudBackup, ends_as: str | None) -> None:
        if backup.status != "deleting":
            return
        if ends_as is None:
            self.backups.pop(backup.id, None)
        else:
            backup.status, backup.updated_s = ends_as, self._timeline.now

    def _headers(self) -> dict[str, str]:
        return {
            "content-type": "application/json",
            "x-openstack-request-id": f"req-{self._rng.getrandbits(64):016x}",
        }

    def _fault(self, status: int, kind: str, message: str) -> Response:
        return Response(status, self._headers(), _json({kind: {"code": status, "message": message}}))

    def _written(self, seconds: float) -> str:
        return self._timeline.moment(seconds).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def secret_text(project: Project, password: str, host: str) -> str:
    """Return the text of a target secret."""
    secret = {
        "auth": {
            "auth_url": f"https://{project.keystone_host}/v3",
            "username": "cleaner",
            "password": password,
            "user_domain_name": "D",
            "project_id": project.project_id,
        },
        "volume_backup_service": project.service or ("vbs" if project.api_version == "v2" else "cinder"),
        "volume_backup_endpoint_override": f"https://{host}",
    }
    return json.dumps(secret)
