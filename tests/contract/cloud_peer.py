"""Calls the cloud of one target secret with the code of the product. Sends only GET unless a call is permitted.

Parsing the secret, the login with its limit of failures, the requests and the parsing of responses are those of the
product, so the tests cover what a deployed stack uses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.integration.api_harness import CallRecorder
from tests.support.doubles import LoginStoreInMemory
from vbs_reaper.backups.answer import Answer
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.backups.ports import BackupRef
from vbs_reaper.backups.secret_text import Secret, StoredSecret
from vbs_reaper.clock import utc_now
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.deadline import Reply
from vbs_reaper.clouds.http.redaction import without_secret
from vbs_reaper.clouds.http.transport import USER_AGENT, HttpRequest, Transport, Transports
from vbs_reaper.clouds.login.login import Login
from vbs_reaper.clouds.target_secret import read_target

NAME = "test-cloud"
"""The name of the target."""

BODY_BYTES = 1024 * 1024


class CannotLogIn(Exception):
    """The login failed. It is not retried."""


class NotPermitted(Exception):
    """A request that could change something was stopped before it was sent."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to the backup service and its response."""

    method: str
    url: str
    reply: Reply


class CloudPeer:
    """One target. `exchanges` contains all requests to its backup service."""

    def __init__(self, secret: str) -> None:
        """Read the secret.

        Raises:
            InvalidSecret: it is unusable.
        """
        stored = StoredSecret(version_id="1", text=Secret(secret), name="the target secret", created_at=utc_now())
        self.target = read_target(NAME, stored)
        self.exchanges: list[Exchange] = []
        self._permitted: tuple[str, str] | None = None
        self._transport = _GuardedTransport(self)
        self.client = CloudClient(
            secrets=_OneSecret(stored),
            metrics=CallRecorder(),
            clock=utc_now,
            transports=_OneTransport(self._transport),
            logins=LoginStoreInMemory(utc_now),
        )

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    @staticmethod
    def time_left() -> float:
        """Return a fixed time: there is no Lambda function with a timeout."""
        return 60.0

    def login(self) -> Login:
        """Return the login, which the first call makes.

        Raises:
            CannotLogIn: the login failed.
        """
        login = self.client._sessions.login(NAME, self.time_left)  # raw requests need the private login of the client
        if isinstance(login, Answer):
            raise CannotLogIn(f"{login.name}: {login.message}")
        return login

    @property
    def project(self) -> str:
        """The name of the project, or its ID if the secret does not name it."""
        return self.target.auth.project_name or self.login().project_id

    def ref(self, backup_id: str) -> BackupRef:
        """Identify a backup of the project."""
        login = self.login()
        return BackupRef(
            target=NAME, backup_id=BackupId(backup_id), project_id=login.project_id, address=login.root or None
        )

    def get(self, path: str, *, version: str | None = None, project_id: str | None = None) -> Reply:
        """Send a GET to a path below the project, or below another project."""
        return self._call("GET", self._url(path, version, project_id), None)

    def post(self, path: str, document: object, *, version: str | None = None) -> Reply:
        """Send one POST, and permit it."""
        url = self._url(path, version, None)
        with self._permitting("POST", url):
            return self._call("POST", url, json.dumps(document).encode())

    @contextmanager
    def permitting_delete(self, backup_id: str) -> Iterator[None]:
        """Permit only the DELETE of this backup while the block runs."""
        with self._permitting("DELETE", self._url(f"backups/{backup_id}", None, None)):
            yield

    @contextmanager
    def _permitting(self, method: str, url: str) -> Iterator[None]:
        self._permitted = (method, url)
        try:
            yield
        finally:
            self._permitted = None

    def _url(self, path: str, version: str | None, project_id: str | None) -> str:
        login = self.login()
        return f"{login.root}/{version or self.target.api_version}/{project_id or login.project_id}/{path}"

    def _call(self, method: str, url: str, body: bytes | None) -> Reply:
        login = self.login()
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "identity"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        request = HttpRequest(method, url, headers, body)
        login.credentials.authenticate(request, utc_now())
        return login.transport.send(request, body_limit=BODY_BYTES)

    def check(self, method: str, url: str) -> None:
        """Check that a request is permitted.

        Raises:
            NotPermitted: it could change something.
        """
        if method != "GET" and (method, url) != self._permitted:
            raise NotPermitted(f"{method} {url}")


class _OneTransport(Transports):
    def __init__(self, transport: Transport) -> None:
        super().__init__(calls_at_once=1)
        self._transport = transport

    def of(self, cacert: str) -> Transport:  # noqa: ARG002  # there is one target
        return self._transport


class _GuardedTransport(Transport):
    """Checks each request to the backup service with the peer, and records it there."""

    def __init__(self, peer: CloudPeer) -> None:
        super().__init__(calls_at_once=1, cacert=peer.target.cacert or None)
        self._peer = peer

    def send(self, request: HttpRequest, *, body_limit: int, on_fresh_connection: bool = False) -> Reply:
        method, url = request.method, request.url
        self._peer.check(method, url)
        reply = super().send(request, body_limit=body_limit, on_fresh_connection=on_fresh_connection)
        signature = request.headers.get("Authorization", "").rpartition("=")[2]
        reply = without_secret(reply, Secret(request.headers.get("X-Auth-Token", signature)))
        self._peer.exchanges.append(Exchange(method, url, reply))
        return reply


class _OneSecret:
    """Implements `clouds.ports.TargetSecrets`."""

    def __init__(self, stored: StoredSecret) -> None:
        self._stored = stored

    def read(self, target: str) -> StoredSecret:
        return self._stored
