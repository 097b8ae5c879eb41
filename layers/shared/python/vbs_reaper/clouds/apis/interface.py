"""What an API of a backup service has to provide. Adding one: implement `BackupApi`, add a line to `registry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from vbs_reaper.backups.answer import Operation

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.backups.answer import Answer
    from vbs_reaper.backups.backup import Backup
    from vbs_reaper.backups.identifiers import BackupId, ProjectId
    from vbs_reaper.backups.ports import CallRecorder
    from vbs_reaper.clouds.endpoint import ApiVersion
    from vbs_reaper.clouds.http.deadline import Reply
    from vbs_reaper.clouds.http.transport import HttpRequest
    from vbs_reaper.clouds.login.login import Login


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on a target's backup service. The call is not made if a guard does not match the login."""

    operation: Operation
    target: str
    backup_id: BackupId | None = None
    """The backup to show or delete. In a list: look for this one, to confirm that it is gone."""
    marker: str | None = None
    """List the page that the previous one named in `Rows.next`; None for the first page."""
    page_size: int | None = None
    """List at most this many; None for as many as the service returns."""
    volume_id: str | None = None
    """In a list: only backups of this volume. Otherwise the volume of the backup, if it is known."""
    project_id: ProjectId | None = None
    """A guard: the project that the login must be for."""
    address: str | None = None
    """A guard: the address of the service that the login must have found."""
    not_after: datetime | None = None
    """The latest time to send it, repeats included. A login or a dead connection may use up the time."""
    recorder: CallRecorder | None = None
    """Receives a record of every exchange that is made for this call."""

    @property
    def confirms(self) -> bool:
        """Whether this call is made to confirm that a backup is gone, or to learn why its deletion failed."""
        return self.backup_id is not None and self.operation in {Operation.LIST_BACKUPS, Operation.LIST_TASKS}


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list, as received."""

    backups: list[Backup]
    next: str | None
    """The marker of the next page; None after the last one. The next page may be empty."""
    overlaps: bool = False
    """Whether this page begins with rows of the previous one. If it does not, rows in between may have been skipped."""
    total: int | None = None
    """How many rows the whole list has; None if the service does not say so."""
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

    @property
    def accepted(self) -> frozenset[int]:
        """The statuses of an accepted DELETE that are trusted without their body."""
        ...

    def prepare(self, call: Call, login: Login) -> HttpRequest:
        """Return the HTTP request of a call, without authentication.

        Raises:
            NotSendable: a part of it is not valid, so the request would not be exactly what it must be.
        """
        ...

    def read(self, call: Call, reply: Reply, now: datetime) -> Answer | Rows:
        """Classify the response to a call. Returns `Rows` for a page of a list. Never raises.

        A call that confirms that a backup is gone ends in `GONE`, or in `MAYBE_GONE` if its response does not prove it.
        """
        ...
