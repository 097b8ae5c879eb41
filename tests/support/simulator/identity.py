"""The state of Keystone: projects, users, credentials, tokens and lockouts."""

import random
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.support.simulator.journal import token_identity
from tests.support.simulator.settings import OTHER_PROJECT_ID, SimulatorSettings

DOMAIN_ID = "default"
DOMAIN_NAME = "Default"

ROLES: Mapping[str, tuple[str, ...]] = {
    "member": ("member", "reader"),
    "reader": ("reader",),
    "admin": ("admin", "member", "reader"),
    "unrelated": ("unrelated",),
    "neighbour": ("member", "reader"),
}
"""Users by name. Only `neighbour` belongs to the other project."""


class LoginRefused(Exception):
    """Keystone answers all of these with the same 401; the journal contains the reason."""

    def __init__(self, user: str, reason: str) -> None:
        super().__init__(f"login of {user!r} refused: {reason}")
        self.user = user
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Project:
    """A project. All are in the default domain."""

    id: str
    name: str


@dataclass(slots=True, kw_only=True)
class User:
    """A user with a password, and roles in one project."""

    id: str
    name: str
    password: str = field(repr=False)
    project: Project
    roles: tuple[str, ...]
    failures: deque[datetime] = field(default_factory=deque)
    locked_until: datetime | None = None

    def is_locked(self, now: datetime) -> bool:
        """Return whether even the correct password is rejected."""
        return self.locked_until is not None and now < self.locked_until


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationCredential:
    """A credential of a user that includes the project."""

    id: str
    secret: str = field(repr=False)
    user: str


@dataclass(slots=True, kw_only=True)
class AccessKey:
    """A key of a user that signs requests instead of a token."""

    id: str
    secret: str = field(repr=False)
    user: str
    failures: int = 0
    """Wrong signatures in a row."""
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An issued token."""

    value: str = field(repr=False)
    user: User
    project: Project | None
    roles: tuple[str, ...]
    methods: tuple[str, ...]
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    @property
    def identity(self) -> str:
        """The identity in the journal."""
        return token_identity(self.value)

    @property
    def is_administrator(self) -> bool:
        """Whether it may access all projects."""
        return "admin" in self.roles


class Identity:
    """Not thread-safe: the caller holds the lock of the cloud."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self._random = random.Random(settings.seed ^ 0x1D)
        here, there = Project(settings.project_id, "backups"), Project(OTHER_PROJECT_ID, "next-door")
        self.projects = {project.id: project for project in (here, there)}
        self.users = {
            name: User(
                id=self._hex(),
                name=name,
                password=f"{name}-{self._hex()}",
                project=there if name == "neighbour" else here,
                roles=roles,
            )
            for name, roles in ROLES.items()
        }
        self.credential = ApplicationCredential(id=self._hex(), secret=self._hex() + self._hex(), user="member")
        self.access_keys: dict[str, AccessKey] = {}
        self.new_access_key("member")
        self._tokens: dict[str, Token] = {}
        self._revocations: list[tuple[datetime, str | None]] = []

    def owner_of(self, project_id: str) -> str:
        """Return the ID of a user of this project, to be shown as the creator of its backups."""
        return next((user.id for user in self.users.values() if user.project.id == project_id), "")

    def log_in(self, auth: Mapping[str, Any], now: datetime, settings: SimulatorSettings) -> Token:
        """Return a token for the `auth` of a login.

        Raises:
            LoginRefused: the login is rejected.
            KeyError, TypeError: it is not the `auth` of a login.
        """
        identity, method = auth["identity"], auth["identity"]["methods"][0]
        if method == "password":
            user = self._by_password(identity["password"]["user"], now, settings)
            project = self._scope(auth.get("scope"), user)
        elif method == "application_credential":
            user = self._by_credential(identity["application_credential"])
            project = user.project
        else:
            raise LoginRefused("", f"unknown method {method!r}")
        return self._issue(user, project, method, now, settings)

    def valid_token(self, value: str | None, now: datetime) -> Token | None:
        """Return the token with this value if it is neither expired nor revoked."""
        token = self._tokens.get(value or "")
        if token is None or token.revoked_at is not None or now >= token.expires_at:
            return None
        too_early = any(
            token.issued_at <= until and user in (None, token.user.name) for until, user in self._revocations
        )
        return None if too_early else token

    def revoke(self, token: Token, now: datetime) -> None:
        """Revoke one token."""
        self._tokens[token.value] = replace(token, revoked_at=now)

    def revoke_all(self, user: str | None, now: datetime, *, coarse: bool) -> None:
        """Revoke all tokens of one user or of all; coarse: including those issued until the end of this second."""
        for token in list(self._tokens.values()):
            if user in (None, token.user.name):
                self.revoke(token, now)
        if coarse:
            self._revocations.append((now.replace(microsecond=999_999), user))

    def change_password(self, name: str, password: str, now: datetime, *, coarse: bool) -> None:
        """Change a password and revoke the tokens of the user, as Keystone does."""
        self.users[name].password = password
        self.revoke_all(name, now, coarse=coarse)

    def new_access_key(self, user: str) -> AccessKey:
        """Create an access key for a user and delete the old ones."""
        self.access_keys = {known.id: known for known in self.access_keys.values() if known.user != user}
        key = AccessKey(id=self._hex()[:20].upper(), secret=(self._hex() + self._hex())[:40], user=user)
        self.access_keys[key.id] = key
        return key

    def _by_password(self, who: Mapping[str, Any], now: datetime, settings: SimulatorSettings) -> User:
        user = self._find_user(who)
        if user.is_locked(now):
            raise LoginRefused(user.name, "locked")
        if who.get("password") == user.password:
            user.failures.clear()
            user.locked_until = None
            return user
        user.failures.append(now)
        while user.failures[0] <= now - timedelta(seconds=settings.lockout_window_seconds):
            user.failures.popleft()
        if len(user.failures) >= settings.lockout_failures:
            user.locked_until = now + timedelta(seconds=settings.lockout_seconds)
            user.failures.clear()
        raise LoginRefused(user.name, "wrong password")

    def _find_user(self, who: Mapping[str, Any]) -> User:
        name, domain = who.get("name"), who.get("domain", {})
        for user in self.users.values():
            if who.get("id") == user.id or (name == user.name and _is_default_domain(domain)):
                return user
        raise LoginRefused(str(name), "unknown user")

    def _by_credential(self, sent: Mapping[str, Any]) -> User:
        if sent.get("id") != self.credential.id or sent.get("secret") != self.credential.secret:
            raise LoginRefused("", "unknown application credential")
        return self.users[self.credential.user]

    def _scope(self, scope: Mapping[str, Any] | None, user: User) -> Project | None:
        wanted = (scope or {}).get("project")
        if wanted is None:
            return None
        project = user.project
        by_name = wanted.get("name") == project.name and _is_default_domain(wanted.get("domain", {}))
        if wanted.get("id") == project.id or by_name:
            return project
        raise LoginRefused(user.name, "no such project")

    def _issue(
        self, user: User, project: Project | None, method: str, now: datetime, settings: SimulatorSettings
    ) -> Token:
        token = Token(
            value=f"gAAAAAB{secrets.token_urlsafe(132)}",
            user=user,
            project=project,
            roles=user.roles if project else (),
            methods=(method,),
            issued_at=now,
            expires_at=now + timedelta(seconds=settings.token_seconds),
        )
        self._tokens[token.value] = token
        return token

    def _hex(self) -> str:
        return f"{self._random.getrandbits(128):032x}"


def _is_default_domain(domain: Mapping[str, Any]) -> bool:
    return domain.get("name") == DOMAIN_NAME or domain.get("id") == DOMAIN_ID
