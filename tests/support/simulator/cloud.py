"""The state of a simulated cloud, and how tests change it. Thread-safe and independent of HTTP."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Unpack

from tests.support.simulator.backups.factory import BackupFactory
from tests.support.simulator.backups.rate_limit import LimitForm, RateLimit
from tests.support.simulator.backups.record import BackupFields, BackupRecord
from tests.support.simulator.backups.store import BackupStore
from tests.support.simulator.fault_plan import FaultPlan
from tests.support.simulator.faults import Fault
from tests.support.simulator.identity import Identity, Token
from tests.support.simulator.journal import AcceptedDelete, Call, Journal
from tests.support.simulator.routes import CBR
from tests.support.simulator.settings import SimulatorSettings
from tests.support.simulator.target_secret import make_access_key_secret, make_target_secret

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of the system clock in UTC."""
    return datetime.now(UTC)


class Cloud:
    """What tests set in the cloud, and the journal that they read. All of it lasts until `reset`.

    The time is that of the clock plus what `advance` added. `url` is set when the server starts.
    """

    def __init__(self, settings: SimulatorSettings | None = None, clock: Clock = utc_now) -> None:
        self._first_settings = settings or SimulatorSettings()
        self._clock = clock
        self.url = ""
        self.lock = threading.RLock()
        self._journal = Journal()
        self._initialize()

    def _initialize(self) -> None:
        self.settings = self._first_settings
        self._advanced = timedelta()
        self.identity = Identity(self.settings)
        self.backups = BackupStore(self._journal)
        self.faults = FaultPlan(self.settings.seed)
        self.rate_limit: RateLimit | None = None
        self.service_is_up = True
        self._factory = BackupFactory(self.settings.seed, self.now())

    @property
    def journal(self) -> Journal:
        """What happened so far, including deletions that are due."""
        self.settle()
        return self._journal

    # ---------------------------------------------------------------- addresses and time

    @property
    def auth_url(self) -> str:
        """The URL of Keystone, with its version."""
        return f"{self.url}/identity/v3"

    @property
    def project_id(self) -> str:
        """The project of all users except `neighbour`."""
        return self.settings.project_id

    def now(self) -> datetime:
        """Return the time of the cloud."""
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> None:
        """Advance the time of deletions, tokens, lockouts and rate limits."""
        with self.lock:
            self._advanced += timedelta(seconds=seconds)
            self.settle()

    def reset(self) -> None:
        """Restore the initial state, without backups or faults. Old tokens become invalid; connections stay open."""
        with self.lock:
            self._journal.clear()
            self._initialize()

    def change_settings(self, **changes: Any) -> None:  # noqa: ANN401  one per field, checked by `replace`
        """Change settings from now on. `delete_seconds` applies to deletions accepted later."""
        with self.lock:
            self.settle()
            self.settings = replace(self.settings, **changes)

    # ---------------------------------------------------------------- backups

    def add_backup(self, **fields: Unpack[BackupFields]) -> str:
        """Add a backup, with defaults for missing fields; return its ID. Each is one second younger than the last."""
        with self.lock:
            record = self._new_record(fields)
            self.backups.add([record], self.now())
        return record.id

    def add_backups(self, count: int, **fields: Unpack[BackupFields]) -> list[str]:
        """Add similar backups, oldest first. Their names are numbered unless a name is given."""
        with self.lock:
            records = [self._new_record({"name": f"backup-{number:06}", **fields}) for number in range(1, count + 1)]
            self.backups.add(records, self.now())
        return [record.id for record in records]

    def _new_record(self, fields: BackupFields) -> BackupRecord:
        return self._factory.make(
            fields, project_id=self.project_id, owner_of=self.identity.owner_of, find=self.backups.get
        )

    def change_backup(self, backup_id: str, **fields: Unpack[BackupFields]) -> None:
        """Change fields of a backup.

        Raises:
            KeyError: there is no such backup.
        """
        with self.lock:
            self.settle()
            record = self._existing(backup_id)
            if "status" in fields:
                self.backups.set_status(record, fields["status"], self.now())
            if "created_at" in fields:
                self.backups.set_creation_time(record, fields["created_at"].astimezone(UTC))
            if "parent_id" in fields:
                self.backups.set_parent(record, fields["parent_id"])
            for name, value in fields.items():
                if name not in ("id", "status", "created_at", "parent_id"):
                    setattr(record, name, value)

    def set_status(self, backup_id: str, status: str) -> None:
        """Set the status of a backup."""
        self.change_backup(backup_id, status=status)

    def hold(self, backup_id: str, marker: str = "[hold]") -> None:
        """Write the marker into its description and `hold` into its metadata."""
        self.change_backup(backup_id, description=f"{marker} keep", metadata={"hold": "yes"})

    def remove_backup(self, backup_id: str) -> None:
        """Remove a backup immediately, as if someone else had deleted it."""
        with self.lock:
            self.settle()
            self.backups.remove(self._existing(backup_id), self.now())

    def status_of(self, backup_id: str) -> str | None:
        """Return the status of a backup, or None if it does not exist."""
        with self.lock:
            self.settle()
            record = self.backups.get(backup_id)
            return record.status if record else None

    def remaining(self, project_id: str | None = None) -> dict[str, str]:
        """Return the ID and status of every backup, optionally of one project."""
        with self.lock:
            self.settle()
            return {record.id: record.status for record in self.backups if project_id in (None, record.project_id)}

    def _existing(self, backup_id: str) -> BackupRecord:
        record = self.backups.get(backup_id)
        if record is None:
            raise KeyError(backup_id)
        return record

    def new_id(self) -> str:
        """Return an unused ID, which depends only on the seed."""
        return self._factory.new_id()

    def settle(self) -> None:
        """End the deletions that are due, unless the service is down."""
        with self.lock:
            if self.service_is_up:
                self.backups.settle(self.now(), self.settings.driver_error)

    def accept_create(self, *, volume_id: str, name: str, project_id: str) -> BackupRecord:
        """Start the creation of a backup, which becomes available after `create_seconds`."""
        now = self.now()
        fields = BackupFields(volume_id=volume_id, name=name, project_id=project_id, status="creating", created_at=now)
        record = self._new_record(fields)
        self.backups.start_creation(record, now, self.settings.create_seconds)
        return record

    def accept_delete(self, record: BackupRecord, token: Token, call: Call) -> None:
        """Record an accepted DELETE and start the deletion."""
        now = self.now()
        self._journal.deletes.append(
            AcceptedDelete(
                call=call.index,
                at=now,
                backup_id=record.id,
                project_id=record.project_id,
                user=token.user.name,
            )
        )
        self.backups.start_deletion(record, now, self.settings.delete_seconds)

    # ---------------------------------------------------------------- faults

    def set_service(self, *, up: bool) -> None:
        """Stop or start cinder-backup. The API stays up; deletions in progress pause while the service is down."""
        with self.lock:
            self.settle()
            self.service_is_up = up
            self.settle()

    def limit_rate(
        self,
        per_minute: int | None,
        *,
        methods: Sequence[str] = ("DELETE",),
        form: LimitForm = LimitForm.CINDER,
    ) -> None:
        """Limit the calls per minute of each user and method, counted from now; None removes the limit."""
        limit = None if per_minute is None else RateLimit(per_minute=per_minute, methods=tuple(methods), form=form)
        with self.lock:
            self.rate_limit = limit

    def inject(self, *faults: Fault) -> None:
        """Apply faults to future calls; see `Fault`."""
        self.faults.add(*faults)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.faults.clear()

    # ---------------------------------------------------------------- users

    def password_of(self, user: str = "member") -> str:
        """Return the password of a user."""
        return self.identity.users[user].password

    def change_password(self, password: str, user: str = "member") -> None:
        """Change the password of a user, which also revokes the tokens of the user."""
        with self.lock:
            self.identity.change_password(user, password, self.now(), coarse=self.settings.coarse_revocation)

    def revoke_tokens(self, user: str | None = None) -> None:
        """Revoke all tokens of one user or of all users."""
        with self.lock:
            self.identity.revoke_all(user, self.now(), coarse=self.settings.coarse_revocation)

    def new_access_key(self, user: str = "member") -> None:
        """Replace the access key of a user."""
        with self.lock:
            self.identity.new_access_key(user)

    def is_locked(self, user: str = "member") -> bool:
        """Return whether too many failed logins have locked this user."""
        with self.lock:
            return self.identity.users[user].is_locked(self.now())

    def target_secret(
        self,
        user: str = "member",
        *,
        service: str = "vbs",
        application_credential: bool = False,
        access_key: bool = False,
        **more: object,
    ) -> dict[str, Any]:
        """Return the target secret of a user, a clouds.yaml entry. `service` is `vbs`, `cinder` or `cbr`."""
        if access_key:
            address = self.url + (CBR if service == "cbr" else "")
            return make_access_key_secret(self.identity, user, address, self.settings.region, service) | more
        secret = make_target_secret(
            self.identity,
            user,
            auth_url=self.auth_url,
            region=self.settings.region,
            service=service,
            application_credential=application_credential,
        )
        return secret | more
