"""A login: what a call to a backup service needs, and how its requests are authenticated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.backups.answer import TargetInfo
    from vbs_reaper.backups.identifiers import ProjectId
    from vbs_reaper.backups.secret_text import Secret
    from vbs_reaper.clouds.apis.interface import BackupApi
    from vbs_reaper.clouds.http.transport import HttpRequest, Transport


class Credentials(Protocol):
    """How requests to a backup service are authenticated."""

    def authenticate(self, request: HttpRequest, now: datetime) -> Secret:
        """Set the headers that authenticate the request. It is called again before every repeat.

        Returns what a response might quote of them, and is therefore removed from the response.

        Raises:
            NotSendable: the request would not be what is authenticated.
        """
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A token of Keystone. Implements `Credentials`."""

    secret: Secret

    def authenticate(self, request: HttpRequest, now: datetime) -> Secret:  # noqa: ARG002  # it has no time
        """Send the token with the request. Returns the token."""
        request.headers["X-Auth-Token"] = self.secret.reveal()
        return self.secret


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Login:
    """A successful login: everything that a call to the backup service needs."""

    credentials: Credentials
    project_id: ProjectId
    root: str
    """The address of the backup service, without version and project."""
    api: BackupApi
    info: TargetInfo
    transport: Transport
    renew_at: datetime
    """When the login must be replaced, by our own clock."""
    expires_at: datetime
    """When the credentials expire, by our own clock."""
