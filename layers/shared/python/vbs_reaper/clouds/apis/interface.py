"""What an API of a backup service has to provide. Adding one: implement `BackupApi`, add a line to `registry`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import requests

    from vbs_reaper.backups.answer import Answer, Operation
    from vbs_reaper.backups.backup import Backup
    from vbs_reaper.backups.identifiers import BackupId, ProjectId
    from vbs_reaper.backups.ports import CallRecorder
    from vbs_reaper.clouds.endpoint import ApiVersion
    from vbs_reaper.clouds.http.deadline import Reply
    from vbs_reaper.clouds.login.login import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One operation on a target's backup service. The call is not made if a guard does not match the login."""

    operation: Operation
    target: str
    backup_id: BackupId | None = None
    """The backup to show or delete."""
    marker: str | None = None
    """List the page after this backup; None for the first page."""
    page_size: int | None = None
    """List at most this many; None for as many as the service returns."""
    volume_id: str | None = None
    """List only backups of this volume."""
    project_id: ProjectId | None = None
    """A guard: the project that the login must be for."""
    address: str | None = None
    """A guard: the address of the service that the login must have found."""
    not_after: datetime | None = None
    """The latest time to send it, repeats included. A login or a dead connection may use up the time."""
    recorder: CallRecorder | None = None
    """Receives a record of every exchange that is made for this call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page of a list, as received."""

    backups: list[Backup]
    has_more: bool
    """Whether to request another page. It may be empty."""
    date: datetime | None
    """The cloud's clock, from the `Date` header; None if it is missing or unreadable."""


class BackupApi(Protocol):
    """Paths, paging, record reading, error bodies and proof of deletion of one API. Pure: sends nothing itself."""

    @property
    def version(self) -> ApiVersion:
        """The version in the path of every call."""
        ...

    @property
    def service_types(self) -> tuple[str, ...]:
        """The types of the service in Keystone's catalog, in order of preference."""
        ...

    @property
    def shows_metadata(self) -> bool:
        """Whether every record has metadata. If so, a record without metadata cannot be judged."""
        ...

    def prepare(self, call: Call, login: Login) -> requests.PreparedRequest:
        """Return the HTTP request of a call, without authentication.

        Raises:
            NotSendable: a part of it is not valid, so the request would not be exactly what it must be.
        """
        ...

    def read(self, call: Call, reply: Reply, now: datetime) -> Answer | Rows:
        """Classify the response to a call. Returns `Rows` for a page of a list. Never raises."""
        ...
