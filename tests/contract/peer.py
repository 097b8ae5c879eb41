"""What the suite needs of a cloud, whichever it is: people, backups in any state, and weather."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Person(StrEnum):
    """Everybody but the neighbour belongs to the first project; each has one role there."""

    MEMBER = "member"
    READER = "reader"
    ADMIN = "admin"
    UNRELATED = "unrelated"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a person logs in, and where it belongs."""

    user_id: str
    user_name: str
    domain_name: str
    project_id: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredential:
    """A login in a person's stead; its project is part of it."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupToBe:
    """A backup that shall exist, whoever made it and however long ago."""

    name: str
    created_at: datetime
    volume_id: str
    status: str = "available"
    parent_id: str | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    owner: Person = Person.MEMBER


class Peer(Protocol):
    """One cloud. Everything it is told holds until `reset`."""

    @property
    def auth_url(self) -> str:
        """Keystone's, with its version."""

    @property
    def volume_url(self) -> str:
        """The volume service's, without a version and without a slash at its end."""

    def login(self, person: Person) -> Login:
        """Tell how this person logs in."""

    def application_credential(self) -> ApplicationCredential:
        """Of the member."""

    def write_backup(self, backup: BackupToBe) -> str:
        """Make it be there; returns its id."""

    def set_backup_service(self, *, up: bool) -> None:
        """Take the service that does the work down, or up again; the API answers all the time."""

    def set_driver(self, *, delay_s: float = 0.0, failing: str | None = None) -> None:
        """Let deletions take so long, and fail with this text."""

    def set_rate_limit(self, deletes_per_minute: int | None) -> None:
        """Limit each user's DELETEs, counted from now."""

    def set_max_limit(self, limit: int) -> None:
        """Set the longest page there is."""

    def serve_v2(self, *, on: bool) -> None:
        """Serve the same API under /v2, or nothing there."""

    def set_token_lifetime(self, seconds: int) -> None:
        """Of tokens issued from now on."""

    def reset(self) -> None:
        """No backups, fair weather, /v2 not served, pages of 1000, tokens of an hour."""
