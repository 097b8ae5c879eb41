"""A client of the simulated cloud, for tests of the simulator."""

from types import TracebackType
from typing import Self

import requests

from tests.support.simulator.cloud import Cloud
from tests.support.simulator.identity import DOMAIN_NAME

TIMEOUT_S = 10.0


class Caller:
    """A context manager around one HTTP session. Caches a token for each user until `forget`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._tokens: dict[str, str] = {}
        self.http = requests.Session()
        self.http.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def log_in(
        self, user: str = "member", *, password: str | None = None, project_id: str | None = None
    ) -> requests.Response:
        """Request a token, optionally with a wrong password or another project."""
        who = self._cloud.identity.users[user]
        sent = {"name": user, "domain": {"name": DOMAIN_NAME}, "password": password or who.password}
        identity = {"methods": ["password"], "password": {"user": sent}}
        scope = {"project": {"id": project_id or who.project.id}}
        return self.post_login({"identity": identity, "scope": scope})

    def post_login(self, auth: object) -> requests.Response:
        """Request a token with this `auth`."""
        return self.http.post(f"{self._cloud.auth_url}/auth/tokens", json={"auth": auth}, timeout=TIMEOUT_S)

    def token(self, user: str = "member") -> str:
        """Return the cached token of this user, or request one."""
        if user not in self._tokens:
            self._tokens[user] = self.log_in(user).headers["X-Subject-Token"]
        return self._tokens[user]

    def forget(self) -> None:
        """Clear the cached tokens."""
        self._tokens.clear()

    def call(
        self, method: str, path: str, user: str = "member", *, version: str | None = None, body: object = None
    ) -> requests.Response:
        """Send one request. PROJECT in the path is replaced by the project ID."""
        headers = {"X-Auth-Token": self.token(user)}
        if version:
            headers["OpenStack-API-Version"] = f"volume {version}"
        url = self._cloud.url + path.replace("PROJECT", self._cloud.project_id)
        return self.http.request(method, url, headers=headers, json=body, timeout=TIMEOUT_S, allow_redirects=False)

    def show(self, backup_id: str, *, version: str | None = None) -> requests.Response:
        """GET a backup under /v3."""
        return self.call("GET", f"/v3/PROJECT/backups/{backup_id}", version=version)

    def delete(self, backup_id: str) -> requests.Response:
        """DELETE a backup under /v3."""
        return self.call("DELETE", f"/v3/PROJECT/backups/{backup_id}")
