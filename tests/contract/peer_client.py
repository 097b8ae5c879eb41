"""An HTTP client of a peer that replaces varying values by names, so that responses can be compared."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import requests

from tests.contract.answer import Answer, read_answer
from tests.contract.peer import NewBackup, Peer, Person
from tests.openstack.waiting import wait_until

TIMEOUT_S = 30.0


class PeerClient:
    """A context manager. Paths contain names: `/v3/PROJECT/backups/<full>` is the backup called "full"."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.ids: dict[str, str] = {}
        self._tokens: dict[Person, str] = {}
        self._http = requests.Session()
        self._http.trust_env = False
        self._volumes: dict[str, str] = {}
        self._youngest = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def write(
        self,
        name: str,
        status: str = "available",
        *,
        volume: str | None = None,
        parent: str | None = None,
        owner: Person = Person.MEMBER,
        metadata: dict[str, str] | None = None,
        description: str | None = None,
    ) -> str:
        """Create a backup, one second younger than the one before; return its ID."""
        self._youngest += timedelta(seconds=1)
        to_be = NewBackup(
            name=name,
            created_at=self._youngest,
            volume_id=self._volumes.setdefault(volume or f"volume of {name}", str(uuid.uuid4())),
            status=status,
            parent_id=self.ids[parent] if parent else None,
            owner=owner,
            metadata=metadata or {},
            description=description,
        )
        self.ids[name] = self.peer.write_backup(to_be)
        return self.ids[name]

    def token(self, person: Person = Person.MEMBER) -> str:
        """Return the cached token of a user, or request one."""
        if person not in self._tokens:
            answer = self._http.post(
                f"{self.peer.auth_url}/auth/tokens", json=self.login_body(person), timeout=TIMEOUT_S
            )
            assert answer.status_code == 201, answer.text
            self._tokens[person] = answer.headers["X-Subject-Token"]
        return self._tokens[person]

    def login_body(
        self, person: Person = Person.MEMBER, *, password: str | None = None, project: str | None = None
    ) -> object:
        """Return the body of a login, optionally with a wrong password or project."""
        login = self.peer.login(person)
        user = {
            "name": login.user_name,
            "domain": {"name": login.domain_name},
            "password": password or login.password,
        }
        identity = {"methods": ["password"], "password": {"user": user}}
        return {"auth": {"identity": identity, "scope": {"project": {"id": project or login.project_id}}}}

    def call(
        self,
        method: str,
        path: str,
        person: Person | None = Person.MEMBER,
        *,
        token: str | None = None,
        version: str | None = None,
        body: object = None,
    ) -> Answer:
        """Send one request to the volume service as this user (None: without a token)."""
        token = token or (self.token(person) if person else None)
        headers = {"X-Auth-Token": token} if token else {}
        if version:
            headers["OpenStack-API-Version"] = f"volume {version}"
        url = self.peer.volume_url + self._with_ids(path)
        return read_answer(self._send(method, url, headers, body), self._names())

    def raw(self, method: str, path: str) -> requests.Response:
        """Send a request as MEMBER; return the raw response."""
        headers = {"X-Auth-Token": self.token()}
        return self._send(method, self.peer.volume_url + self._with_ids(path), headers, None)

    def call_keystone(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send one request to Keystone. A string as body is sent unchanged."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return read_answer(self._send(method, self.peer.auth_url + path, sent, body), self._names())

    def delete(self, name: str, person: Person | None = Person.MEMBER) -> Answer:
        """DELETE a backup by name."""
        return self.call("DELETE", f"/v3/PROJECT/backups/<{name}>", person)

    def show(self, name: str, *, version: str | None = None) -> Answer:
        """GET a backup by name."""
        return self.call("GET", f"/v3/PROJECT/backups/<{name}>", version=version)

    def wait_until(self, name: str, status: str) -> None:
        """Wait until a backup has this status."""
        wait_until(f"{name} is {status}", lambda: _status(self.show(name)) == status)

    def wait_until_gone(self, name: str) -> None:
        """Wait until a backup is not found."""
        wait_until(f"{name} is gone", lambda: self.show(name).status == 404)

    def wait_until_expired(self, token: str) -> None:
        """Wait until the volume service rejects this token."""
        wait_until("the token is refused", lambda: self.call("GET", "/v3/PROJECT/backups", token=token).status == 401)

    def forget_tokens(self) -> None:
        """Clear the cached tokens."""
        self._tokens.clear()

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: object) -> requests.Response:
        data, json = (body, None) if isinstance(body, str) else (None, body)
        return self._http.request(
            method, url, headers=dict(headers), data=data, json=json, timeout=TIMEOUT_S, allow_redirects=False
        )

    def _with_ids(self, path: str) -> str:
        for found, name in self._names().items():
            path = path.replace(name, found)
        return path

    def _names(self) -> dict[str, str]:
        names = {self.peer.auth_url: "KEYSTONE", self.peer.volume_url: "CINDER"}
        names |= {self.peer.login(Person.MEMBER).project_id: "PROJECT"}
        names |= {self.peer.login(Person.NEIGHBOUR).project_id: "FOREIGN"}
        names |= {self.peer.login(Person.MEMBER).user_id: "MEMBER"}
        names |= {volume_id: f"<{volume}>" for volume, volume_id in self._volumes.items()}
        return names | {backup_id: f"<{name}>" for name, backup_id in self.ids.items()}


def _status(answer: Answer) -> str | None:
    return answer.body["backup"]["status"] if answer.status == 200 else None
