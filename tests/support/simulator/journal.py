"""What the cloud received and did, in order, without tokens and passwords. Tests check the product against it."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

SECRET_HEADERS = frozenset({"x-auth-token", "x-subject-token", "authorization", "cookie"})
GONE = "deleted"
"""The last status in the history of a deleted backup. No response shows it."""


class Operation(StrEnum):
    """The kind of a call, by method and path."""

    LOGIN = "login"
    TOKEN = "token"
    SHOW = "show"
    LIST = "list"
    TASKS = "tasks"
    DELETE = "delete"
    CREATE = "create"
    VAULTS = "vaults"
    ACTION = "action"
    VERSIONS = "versions"
    OTHER = "other"


@dataclass(slots=True, kw_only=True)
class Call:
    """One received request and its response."""

    index: int
    at: datetime
    connection: int
    operation: Operation
    method: str
    raw_path: str
    """Exactly as received, including the query (decoded as Latin-1)."""
    headers: dict[str, str]
    token: str | None
    """The `token_identity` of the token."""
    backup_id: str | None = None
    status: int | None = None
    """None before the response, or if the response was lost."""
    fault: str | None = None
    """The fault that was applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedDelete:
    """A DELETE that the cloud accepted, even if its response was lost."""

    call: int
    at: datetime
    backup_id: str
    project_id: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One login attempt."""

    call: int
    at: datetime
    user: str
    succeeded: bool
    reason: str = ""
    locked: bool = False
    """Whether the user is locked afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """The time of a status change."""

    at: datetime
    status: str


def token_identity(token: str) -> str:
    """Return a hash that identifies a token without revealing it."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:12]


@dataclass(slots=True)
class Journal:
    """Everything since the last `clear`. Lists only grow, so tests can read them while calls are processed."""

    calls: list[Call] = field(default_factory=list)
    deletes: list[AcceptedDelete] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)
    histories: dict[str, list[StateChange]] = field(default_factory=lambda: defaultdict(list))
    connections: int = 0
    """The number of connections so far. Each call has the number of its own."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open_connection(self) -> int:
        """Count a connection and return its number, starting with 1."""
        with self._lock:
            self.connections += 1
            return self.connections

    def begin_call(
        self,
        *,
        at: datetime,
        connection: int,
        operation: Operation,
        method: str,
        raw_path: str,
        headers: Iterable[tuple[str, str]],
        backup_id: str | None,
    ) -> Call:
        """Record a call before it is carried out."""
        shown = {name: _without_secret(name, value) for name, value in headers}
        token = next((value for name, value in shown.items() if name.lower() == "x-auth-token"), None)
        with self._lock:
            call = Call(
                index=len(self.calls),
                at=at,
                connection=connection,
                operation=operation,
                method=method,
                raw_path=raw_path,
                headers=shown,
                token=token,
                backup_id=backup_id,
            )
            self.calls.append(call)
        return call

    def calls_of(self, operation: Operation, backup_id: str | None = None) -> list[Call]:
        """Return the calls of one kind, optionally for one backup."""
        return [
            call for call in list(self.calls) if call.operation is operation and backup_id in (None, call.backup_id)
        ]

    def accepted(self, backup_id: str) -> int:
        """Return how many DELETEs of this backup were accepted."""
        return sum(delete.backup_id == backup_id for delete in list(self.deletes))

    def history(self, backup_id: str) -> list[str]:
        """Return the statuses of this backup in order."""
        return [change.status for change in self.histories.get(backup_id, [])]

    def is_gone(self, backup_id: str) -> bool:
        """Return whether the backup existed and was deleted."""
        return self.history(backup_id)[-1:] == [GONE]

    def failed_logins(self) -> list[Login]:
        """Return the rejected logins."""
        return [login for login in list(self.logins) if not login.succeeded]

    def clear(self) -> None:
        """Remove everything except the count of connections."""
        with self._lock:
            for part in (self.calls, self.deletes, self.logins, self.histories):
                part.clear()

    def as_json(self) -> dict[str, Any]:
        """Return the journal as JSON values, with times in RFC 3339."""
        with self._lock:
            parts: Mapping[str, list[Any]] = {"calls": self.calls, "deletes": self.deletes, "logins": self.logins}
            plain = {name: [_plain(asdict(entry)) for entry in part] for name, part in parts.items()}
            histories = {
                backup_id: [_plain(asdict(change)) for change in changes]
                for backup_id, changes in self.histories.items()
            }
        return plain | {"histories": histories, "connections": self.connections}


def _without_secret(name: str, value: str) -> str:
    return token_identity(value) if name.lower() in SECRET_HEADERS else value


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in entry.items()}
