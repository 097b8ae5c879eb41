"""The interface of a cloud that the tests need: users, backups in any state, and faults."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Person(StrEnum):
    """The users, each with one role. Only NEIGHBOUR belongs to the other project."""

    MEMBER = "member"
    READER = "reader"
    ADMIN = "admin"
    UNRELATED = "unrelated"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The login data and the project of a user."""

    user_id: str
    user_name: str
    domain_name: str
    project_id: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredential:
    """An application credential, which includes the project."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBackup:
    """A backup to be created with any owner and creation time."""

    name: str
    created_at: datetime
    volume_id: str
    status: str = "available"
    parent_id: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    owner: Person = Person.MEMBER


class Peer(Protocol):
    """One cloud. All changes last until `reset`."""

    @property
    def auth_url(self) -> str:
        """The URL of Keystone, with its version."""

    @property
    def volume_url(self) -> str:
        """The URL of the volume service, without version and trailing slash."""

    def login(self, person: Person) -> Login:
        """Return the login data of a user."""

    def application_credential(self) -> ApplicationCredential:
        """Return an application credential of MEMBER."""

    def write_backup(self, backup: NewBackup) -> str:
        """Create a backup; return its ID."""

    def set_backup_service(self, *, up: bool) -> None:
        """Stop or start cinder-backup; the API stays up."""

    def set_driver(self, *, delay_s: float = 0.0, failing: str | None = None) -> None:
        """Set the duration of deletions, and optionally let them fail with this message."""

    def set_rate_limit(self, deletes_per_minute: int | None) -> None:
        """Limit the DELETEs of each user, counted from now."""

    def set_max_limit(self, limit: int) -> None:
        """Set the maximum page size."""

    def serve_v2(self, *, on: bool) -> None:
        """Serve the same API under /v2, or stop doing so."""

    def set_token_lifetime(self, seconds: int) -> None:
        """Set the lifetime of new tokens."""

    def reset(self) -> None:
        """Remove backups and faults, stop serving /v2, and restore pages of 1000 and token lifetimes of an hour."""
