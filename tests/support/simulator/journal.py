"""What the cloud saw and did, in order: the judge of the tests. No token and no password is ever in it."""

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
"""The last state of a backup in its history; no answer ever shows it."""


class Operation(StrEnum):
    """What kind of call a method and a path make."""

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
    """One request as it came in, and how it was answered."""

    index: int
    at: datetime
    connection: int
    operation: Operation
    method: str
    raw_path: str
    """Byte for byte as on the wire, query included (read as Latin-1)."""
    headers: dict[str, str]
    token: str | None
    """Whose token it was: `token_identity` of its value."""
    backup_id: str | None = None
    status: int | None = None
    """None as long as nothing was answered, and for good when the answer was lost."""
    fault: str | None = None
    """The fault that was injected into this call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedDelete:
    """A DELETE that the cloud took on, whether or not its answer arrived."""

    call: int
    at: datetime
    backup_id: str
    project_id: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One attempt to get a token."""

    call: int
    at: datetime
    user: str
    succeeded: bool
    reason: str = ""
    locked: bool = False
    """Whether the user is locked after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """From when on a backup was in a state."""

    at: datetime
    status: str


def token_identity(token: str) -> str:
    """Tell tokens apart without knowing them."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:12]


@dataclass(slots=True)
class Journal:
    """Everything since the start or the last `clear`. Lists only grow, so they can be read while calls come in."""

    calls: list[Call] = field(default_factory=list)
    deletes: list[AcceptedDelete] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)
    histories: dict[str, list[StateChange]] = field(default_factory=lambda: defaultdict(list))
    connections: int = 0
    """How many were opened so far; each call names its own."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open_connection(self) -> int:
        """Count a connection and number it, from 1 on."""
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
        """Write down a call before anything is done about it."""
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
        """The calls of one kind, about one backup where it is named."""
        return [
            call for call in list(self.calls) if call.operation is operation and backup_id in (None, call.backup_id)
        ]

    def accepted(self, backup_id: str) -> int:
        """How many DELETEs of this backup were accepted."""
        return sum(delete.backup_id == backup_id for delete in list(self.deletes))

    def history(self, backup_id: str) -> list[str]:
        """The states this backup was in, first to last."""
        return [change.status for change in self.histories.get(backup_id, [])]

    def is_gone(self, backup_id: str) -> bool:
        """Whether it was there and is deleted."""
        return self.history(backup_id)[-1:] == [GONE]

    def failed_logins(self) -> list[Login]:
        """The logins that were refused."""
        return [login for login in list(self.logins) if not login.succeeded]

    def clear(self) -> None:
        """Forget everything but the number of connections, whose numbers go on."""
        with self._lock:
            for part in (self.calls, self.deletes, self.logins, self.histories):
                part.clear()

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values, times in RFC 3339."""
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
