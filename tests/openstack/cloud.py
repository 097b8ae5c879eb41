"""A cloud of real Keystone and Cinder with users and a catalog, and the methods to control and check it."""

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
    create_catalog,
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
    """A row of the backups table of Cinder, in which deleted rows remain, marked as deleted."""

    status: str
    deleted: bool
    deleted_at: datetime | None
    fail_reason: str | None
    volume_id: str
    project_id: str
    name: str | None


class Cloud:
    """A context manager: real servers answer on 127.0.0.1 inside the block; no process and no file is left after it."""

    keystone: Keystone
    accounts: Accounts

    def __init__(self) -> None:
        self._after = ExitStack()

    def __enter__(self) -> Self:
        with self._after:  # cleans up if the start fails or is interrupted
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
        create_catalog(self.keystone, self._cinder.url)
        self.accounts = create_accounts(self.keystone)

    @property
    def auth_url(self) -> str:
        return self.keystone.url

    @property
    def cinder_url(self) -> str:
        """The URL of Cinder without `/v3/PROJECT` or `/v2/PROJECT`."""
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
        """Return the target secret of a user (default: `member`), for `cinder` under /v3 or `vbs` under /v2."""
        return password_secret(self.auth_url, user or self.accounts.member, service)

    def application_credential_secret(
        self, credential: ApplicationCredential | None = None, *, service: str = "cinder"
    ) -> Secret:
        """Return a target secret with an application credential, by default that of `member`."""
        credential = credential or self.accounts.application_credential
        return application_credential_secret(self.auth_url, credential, service)

    def token(self, user: User | None = None) -> str:
        """Return a new token of a user (default: `member`) for the project of the user."""
        user = user or self.accounts.member
        login = {"name": user.name, "domain": {"name": user.domain_name}, "password": user.password}
        return self.keystone.log_in(login, {"project": {"id": user.project_id}})

    def write_backups(self, rows: Sequence[dict[str, Any]]) -> list[str]:
        """Write backups of any status, age and chain to the database of Cinder; return their IDs in order.

        Keys are columns (`display_name`, `display_description`, `status`, `created_at` in ISO 8601, `volume_id`,
        `parent_id`, `metadata` …). The default project is that of `member`.
        """
        owner = {"project_id": self.accounts.project_id, "user_id": self.accounts.member.id}
        ids = self._cinder.ask("write_backups", rows=[owner | row for row in rows])
        return msgspec.convert(ids, list[str])

    def read_backups(self) -> dict[str, BackupRow]:
        """Return the rows of all backups, including deleted ones. Tests check results against these."""
        return msgspec.convert(self._cinder.ask("read_backups"), dict[str, BackupRow])

    def update_backup(self, backup_id: str, **columns: object) -> None:
        """Change columns of a row without the API."""
        self._cinder.ask("update_backup", id=backup_id, values=columns)

    def set_backup_service(self, *, up: bool) -> None:
        """Stop or resume the heartbeat of cinder-backup; without it, the API treats the service as down."""
        self._cinder.ask("backup_service", up=up)

    def set_driver(
        self,
        *,
        delay_s: float = 0.0,
        failing: str | None = None,
        only: Sequence[str] = (),
        delays_s: Mapping[str, float] | None = None,
    ) -> None:
        """Delay deletions or let them fail with a message, optionally `only` of these. `delays_s` are by backup."""
        self._cinder.ask("driver", delay_s=delay_s, failing=failing, only=list(only), delays_s=delays_s)

    def set_rate_limit(self, deletes_per_minute: int | None) -> None:
        """Limit the DELETEs of each user with the rate limiter of Cinder, counted from now; None removes the limit."""
        self._cinder.ask("rate_limit", deletes=deletes_per_minute)

    def set_max_limit(self, limit: int) -> None:
        """Set `osapi_max_limit`, the maximum page size."""
        self._cinder.ask("max_limit", limit=limit)

    def serve_v2(self, *, on: bool) -> None:
        """Serve the v3 application under /v2 too, or stop doing so."""
        self._cinder.ask("serve_v2", on=on)

    def set_token_lifetime(self, seconds: int) -> None:
        """Set the lifetime of new tokens."""
        self._keystone.ask("token_lifetime", seconds=seconds)

    def reset(self) -> None:
        """Restore the initial state: no backups, all services up, no delays, failures or limits."""
        self._cinder.ask("remove_backups")
        self.set_backup_service(up=True)
        self.set_driver()
        self.set_rate_limit(None)
        self.set_max_limit(1000)
        self.serve_v2(on=True)
        self.set_token_lifetime(3600)
