"""Creates projects, users, an application credential and the catalog with the API of Keystone."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.openstack.configuration import REGION

DOMAIN = "test-domain"
UNRELATED_ROLE = "unrelated"
INTERFACES = ("public", "internal", "admin")
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user with one role in one project."""

    name: str
    role: str
    id: str
    project_id: str
    project_name: str
    domain_name: str = DOMAIN
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredential:
    """An application credential of a user."""

    id: str
    secret: str = field(repr=False)


class Keystone:
    """A client of Keystone with the rights of an administrator."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = requests.Session()
        self._http.trust_env = False

    def close(self) -> None:
        self._http.close()

    def log_in_as_administrator(self, password: str) -> None:
        """Log in as the administrator of the default domain, with system scope."""
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        self._http.headers["X-Auth-Token"] = self.log_in(user, {"system": {"all": True}})

    def log_in(self, user: dict[str, Any], scope: dict[str, Any]) -> str:
        """Log in; return a token."""
        identity = {"methods": ["password"], "password": {"user": user}}
        answer = self._send("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        return answer.headers["X-Subject-Token"]

    def create(self, collection: str, name: str, **values: object) -> str:
        """Create `name` in `collection` (`projects`, `users` …); return its ID."""
        return str(self.create_all(collection, name=name, **values)["id"])

    def create_all(self, collection: str, **values: object) -> dict[str, Any]:
        """Create a resource in `collection`; return it."""
        kind = collection.rpartition("/")[2].removesuffix("s")
        created: dict[str, Any] = self._send("POST", f"/{collection}", {kind: values}).json()[kind]
        return created

    def find_id(self, collection: str, name: str) -> str:
        """Return the ID of the resource in `collection` with this name."""
        return str(self._send("GET", f"/{collection}?name={name}").json()[collection][0]["id"])

    def remove(self, collection: str, thing_id: str) -> None:
        """Delete a resource of `collection`, and what belongs to it."""
        self._send("DELETE", f"/{collection}/{thing_id}")

    def grant(self, user_id: str, role: str, project_id: str) -> None:
        self._send("PUT", f"/projects/{project_id}/users/{user_id}/roles/{self.find_id('roles', role)}")

    def withdraw(self, user_id: str, role: str, project_id: str) -> None:
        self._send("DELETE", f"/projects/{project_id}/users/{user_id}/roles/{self.find_id('roles', role)}")

    def set_password(self, user_id: str, password: str) -> None:
        """Set a password as an administrator, which also revokes the tokens of the user."""
        self._send("PATCH", f"/users/{user_id}", {"user": {"password": password}})

    def revoke(self, token: str) -> None:
        self._send("DELETE", "/auth/tokens", headers={"X-Subject-Token": token})

    def create_application_credential(self, user: User) -> ApplicationCredential:
        """Create an application credential, with a token of the user: Keystone requires that."""
        login = {"name": user.name, "domain": {"name": user.domain_name}, "password": user.password}
        token = self.log_in(login, {"project": {"id": user.project_id}})
        path = f"/users/{user.id}/application_credentials"
        body = {"application_credential": {"name": secrets.token_hex(4)}}
        created = self._send("POST", path, body, headers={"X-Auth-Token": token}).json()["application_credential"]
        return ApplicationCredential(id=created["id"], secret=created["secret"])

    def _send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        answer = self._http.request(method, self.url + path, json=body, headers=headers, timeout=TIMEOUT_S)
        if not answer.ok:
            raise RuntimeError(f"Keystone: {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The users. `member` may delete, `reader` may only read, `admin` may do everything in all projects."""

    member: User
    reader: User
    admin: User
    unrelated: User
    neighbour: User
    application_credential: ApplicationCredential

    @property
    def project_id(self) -> str:
        return self.member.project_id

    @property
    def other_project_id(self) -> str:
        return self.neighbour.project_id


def create_accounts(keystone: Keystone) -> Accounts:
    """Create two projects in one domain. All users except `neighbour` belong to the first."""
    domain_id = keystone.create("domains", DOMAIN)
    keystone.create("roles", UNRELATED_ROLE)
    project_id = keystone.create("projects", "project", domain_id=domain_id)
    other_id = keystone.create("projects", "other-project", domain_id=domain_id)

    def user(name: str, role: str, project: tuple[str, str] = (project_id, "project")) -> User:
        password = secrets.token_urlsafe()
        user_id = keystone.create("users", name, domain_id=domain_id, password=password)
        keystone.grant(user_id, role, project[0])
        return User(name=name, role=role, id=user_id, project_id=project[0], project_name=project[1], password=password)

    member = user("backup-cleaner", "member")
    return Accounts(
        member=member,
        reader=user("onlooker", "reader"),
        admin=user("project-admin", "admin"),
        unrelated=user("passer-by", UNRELATED_ROLE),
        neighbour=user("neighbour", "member", (other_id, "other-project")),
        application_credential=keystone.create_application_credential(member),
    )


def create_service_user(keystone: Keystone, name: str, password: str) -> None:
    """Create the user with which Cinder verifies tokens at Keystone."""
    project_id = keystone.create("projects", "service", domain_id="default")
    user_id = keystone.create("users", name, domain_id="default", password=password)
    for role in ("admin", "service"):
        keystone.grant(user_id, role, project_id)


def create_catalog(keystone: Keystone, cinder_url: str) -> None:
    """Create the catalog: /v3 of Cinder as in OpenStack clouds, and the alias /v2 as in Open Telekom Cloud."""
    keystone.create_all("regions", id=REGION)
    project = f"{cinder_url}/v3/$(project_id)s"
    places = {
        "identity": keystone.url,
        "block-storage": project,
        "volumev3": project,
        "volumev2": project.replace("/v3/", "/v2/"),
        "vbs": project.replace("/v3/", "/v2/"),
    }
    for kind, url in places.items():
        service_id = keystone.create("services", kind, type=kind)
        for interface in INTERFACES:
            keystone.create_all("endpoints", service_id=service_id, interface=interface, url=url, region_id=REGION)
