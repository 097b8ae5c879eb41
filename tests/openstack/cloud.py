"""The whole cloud: Keystone and Cinder up, with people and a catalogue, and the ways to steer and to judge it."""

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.openstack import environment
from tests.openstack.accounts import (
    Accounts,
    ApplicationCredential,
    Keystone,
    User,
    create_accounts,
    create_catalogue,
    create_service_user,
)
from tests.openstack.configuration import (
    Places,
    ServiceLogin,
    cinder_configuration,
    keystone_configuration,
    paste_configuration,
    write_keys,
)
from tests.openstack.progress import step
from tests.openstack.server import Server
from tests.openstack.target_secret import Secret, application_credential_secret, password_secret

SHIPPED = environment.ENVIRONMENT / "etc" / "cinder"
SERVICE_USER = "cinder"


class BackupRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of Cinder's table of backups; a deleted one stays in it, marked so."""

    status: str
    deleted: bool
    deleted_at: datetime | None
    fail_reason: str | None
    volume_id: str
    project_id: str
    name: str | None


class Cloud:
    """A context manager: inside it real servers answer on 127.0.0.1; after it no process and no file is left."""

    keystone: Keystone
    accounts: Accounts

    def __init__(self) -> None:
        self._after = ExitStack()

    def __enter__(self) -> Self:
        with self._after:  # nothing is left behind when the start fails or is interrupted
            self._start()
            self._after = self._after.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._after.close()

    def _start(self) -> None:
        environment.prepare()
        self._places = Places(Path(self._after.enter_context(tempfile.TemporaryDirectory(prefix="openstack-"))))
        for service in environment.SERVICES:
            environment.copy_database(service, self._places.database(service))
        self._keystone = self._server("keystone_server", "keystone")
        self._cinder = self._server("cinder_server", "cinder")
        self.keystone = Keystone(f"{self._keystone.url}/v3")
        self._after.callback(self.keystone.close)
        password = secrets.token_urlsafe()
        with step("start Keystone"):
            write_keys(self._places)
            self._write("keystone", keystone_configuration(self._places))
            self._write("cinder", self._cinder_configuration(password))
            self._keystone.start(self._places.configuration("keystone"))
            self._cinder.start(self._places.configuration("cinder"))
            self._keystone.wait_until_up()
        with step("create users, projects and the catalogue"):
            self._fill_keystone(password)
        with step("start Cinder"):
            self._cinder.wait_until_up()
            self.serve_v2(on=True)

    def _server(self, module: str, service: str) -> Server:
        server = Server(f"tests.openstack.inside.{module}", self._places.log(service))
        return self._after.enter_context(server)

    def _write(self, service: str, text: str) -> None:
        self._places.configuration(service).write_text(text)

    def _cinder_configuration(self, password: str) -> str:
        self._places.paste.write_text(paste_configuration(SHIPPED))
        login = ServiceLogin(keystone_url=self.keystone.url, username=SERVICE_USER, password=password)
        return cinder_configuration(self._places, login, SHIPPED)

    def _fill_keystone(self, service_password: str) -> None:
        self.keystone.log_in_as_administrator(environment.administrator_password())
        create_service_user(self.keystone, SERVICE_USER, service_password)
        create_catalogue(self.keystone, self._cinder.url)
        self.accounts = create_accounts(self.keystone)

    @property
    def auth_url(self) -> str:
        return self.keystone.url

    @property
    def cinder_url(self) -> str:
        """Without a version: `/v3/PROJECT` and, while it is served, `/v2/PROJECT` follow."""
        return self._cinder.url

    @property
    def process_ids(self) -> dict[str, int]:
        return {"keystone": self._keystone.process_id, "cinder": self._cinder.process_id}

    @property
    def log_files(self) -> dict[str, Path]:
        return {service: self._places.log(service) for service in environment.SERVICES}

    @property
    def backup_store(self) -> Path:
        return self._places.backup_store

    def secret(self, user: User | None = None, *, service: str = "cinder") -> Secret:
        """The target secret of a user (the member by default), for `cinder` under /v3 or `vbs` under /v2."""
        return password_secret(self.auth_url, user or self.accounts.member, service)

    def application_credential_secret(
        self, credential: ApplicationCredential | None = None, *, service: str = "cinder"
    ) -> Secret:
        """The same with an application credential, the member's by default."""
        credential = credential or self.accounts.application_credential
        return application_credential_secret(self.auth_url, credential, service)

    def token(self, user: User | None = None) -> str:
        """A fresh token of a user (the member by default) for the user's project."""
        user = user or self.accounts.member
        login = {"name": user.name, "domain": {"name": user.domain_name}, "password": user.password}
        return self.keystone.log_in(login, {"project": {"id": user.project_id}})

    def write_backups(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Write backups as rows of Cinder's database, of any status, age and chain; returns their ids in order.

        Keys are Cinder's columns (`display_name`, `display_description`, `status`, `created_at` as an ISO instant,
        `volume_id`, `parent_id`, `metadata` …); the member's project unless `project_id` says otherwise.
        """
        owner = {"project_id": self.accounts.project_id, "user_id": self.accounts.member.id}
        ids = self._cinder.ask("write_backups", rows=[owner | row for row in rows])
        return msgspec.convert(ids, list[str])

    def read_backups(self) -> dict[str, BackupRow]:
        """What Cinder's database says of every backup there ever was: the judge of what really happened."""
        return msgspec.convert(self._cinder.ask("read_backups"), dict[str, BackupRow])

    def update_backup(self, backup_id: str, **columns: object) -> None:
        """Change columns of a row behind the API's back."""
        self._cinder.ask("update_backup", id=backup_id, values=columns)

    def set_backup_service(self, *, up: bool) -> None:
        """Silence the backup service's beat, which Cinder's API then takes for down, or let it beat again."""
        self._cinder.ask("backup_service", up=up)

    def set_driver(
        self,
        *,
        delay_s: float = 0.0,
        failing: str | None = None,
        only: Sequence[str] = (),
        delays_s: Mapping[str, float] | None = None,
    ) -> None:
        """Make deletions slow, or fail with a text; `only` those of these backups. `delays_s` are of single backups."""
        self._cinder.ask("driver", delay_s=delay_s, failing=failing, only=list(only), delays_s=delays_s)

    def set_rate_limit(self, deletes_per_minute: int | None) -> None:
        """Cinder's own limiter for every user's DELETEs, counted from now; None lifts it."""
        self._cinder.ask("rate_limit", deletes=deletes_per_minute)

    def set_max_limit(self, limit: int) -> None:
        """`osapi_max_limit`: where a page ends that was asked for without a limit, or with a larger one."""
        self._cinder.ask("max_limit", limit=limit)

    def serve_v2(self, *, on: bool) -> None:
        """Serve the v3 application under /v2 too, as no Cinder does any longer."""
        self._cinder.ask("serve_v2", on=on)

    def set_token_lifetime(self, seconds: int) -> None:
        """Of tokens that Keystone issues from now on."""
        self._keystone.ask("token_lifetime", seconds=seconds)

    def reset(self) -> None:
        """As after the start: no backups, everything up, nothing slow, failing or limited."""
        self._cinder.ask("remove_backups")
        self.set_backup_service(up=True)
        self.set_driver()
        self.set_rate_limit(None)
        self.set_max_limit(1000)
        self.serve_v2(on=True)
        self.set_token_lifetime(3600)
