"""One simulated cloud: its state and what can be done to it. Knows no HTTP; safe for threads."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Unpack

from tests.support.simulator.backups.maker import BackupMaker
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
    """The real time, in UTC."""
    return datetime.now(UTC)


class Cloud:
    """Everything a test says to the cloud, and the journal it reads. All of it holds until `reset`.

    Time is the clock's plus what `advance` added. `url` is known once a server runs.
    """

    def __init__(self, settings: SimulatorSettings | None = None, clock: Clock = utc_now) -> None:
        self._first_settings = settings or SimulatorSettings()
        self._clock = clock
        self.url = ""
        self.lock = threading.RLock()
        self._journal = Journal()
        self._start_afresh()

    def _start_afresh(self) -> None:
        self.settings = self._first_settings
        self._advanced = timedelta()
        self.identity = Identity(self.settings)
        self.backups = BackupStore(self._journal)
        self.faults = FaultPlan(self.settings.seed)
        self.rate_limit: RateLimit | None = None
        self.service_is_up = True
        self._maker = BackupMaker(self.settings.seed, self.now())

    @property
    def journal(self) -> Journal:
        """What happened until now, deletions whose time has come included."""
        self.settle()
        return self._journal

    # ---------------------------------------------------------------- where and when

    @property
    def auth_url(self) -> str:
        """Keystone's address, with its version."""
        return f"{self.url}/identity/v3"

    @property
    def project_id(self) -> str:
        """The project of everybody but the neighbour."""
        return self.settings.project_id

    def now(self) -> datetime:
        """The cloud's time."""
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> None:
        """Let time pass at once: for deletions, tokens, lockouts and limits."""
        with self.lock:
            self._advanced += timedelta(seconds=seconds)
            self.settle()

    def reset(self) -> None:
        """Be as at the start: no backups, no faults, an empty journal. Tokens are refused, connections stay open."""
        with self.lock:
            self._journal.clear()
            self._start_afresh()

    def change_settings(self, **changes: Any) -> None:  # noqa: ANN401  one per field, checked by `replace`
        """Behave otherwise from now on; `delete_seconds` holds for deletions accepted later."""
        with self.lock:
            self.settle()
            self.settings = replace(self.settings, **changes)

    # ---------------------------------------------------------------- backups

    def add_backup(self, **fields: Unpack[BackupFields]) -> str:
        """Put a backup there; what is not said has a default. Each is a second younger than the one before."""
        with self.lock:
            record = self._new_record(fields)
            self.backups.add([record], self.now())
        return record.id

    def add_backups(self, count: int, **fields: Unpack[BackupFields]) -> list[str]:
        """Put many alike there, oldest first; names get a number unless one is given."""
        with self.lock:
            records = [self._new_record({"name": f"backup-{number:06}", **fields}) for number in range(1, count + 1)]
            self.backups.add(records, self.now())
        return [record.id for record in records]

    def _new_record(self, fields: BackupFields) -> BackupRecord:
        return self._maker.make(
            fields, project_id=self.project_id, owner_of=self.identity.owner_of, find=self.backups.get
        )

    def change_backup(self, backup_id: str, **fields: Unpack[BackupFields]) -> None:
        """Make an existing backup otherwise.

        Raises:
            KeyError: there is no such backup.
        """
        with self.lock:
            self.settle()
            record = self._existing(backup_id)
            if "status" in fields:
                self.backups.set_status(record, fields["status"], self.now())
            if "created_at" in fields:
                self.backups.set_place(record, fields["created_at"].astimezone(UTC))
            if "parent_id" in fields:
                self.backups.set_parent(record, fields["parent_id"])
            for name, value in fields.items():
                if name not in ("id", "status", "created_at", "parent_id"):
                    setattr(record, name, value)

    def set_status(self, backup_id: str, status: str) -> None:
        """Let a backup be in this state, whatever it was before."""
        self.change_backup(backup_id, status=status)

    def hold(self, backup_id: str, marker: str = "[hold]") -> None:
        """Write the marker into its description and `hold` into its metadata."""
        self.change_backup(backup_id, description=f"{marker} keep", metadata={"hold": "yes"})

    def remove_backup(self, backup_id: str) -> None:
        """Let it be gone at once, by somebody else's hand."""
        with self.lock:
            self.settle()
            self.backups.remove(self._existing(backup_id), self.now())

    def status_of(self, backup_id: str) -> str | None:
        """The state a backup is in now, None when it is not there."""
        with self.lock:
            self.settle()
            record = self.backups.get(backup_id)
            return record.status if record else None

    def remaining(self, project_id: str | None = None) -> dict[str, str]:
        """Status by id of every backup that is there, of one project if it is named."""
        with self.lock:
            self.settle()
            return {record.id: record.status for record in self.backups if project_id in (None, record.project_id)}

    def _existing(self, backup_id: str) -> BackupRecord:
        record = self.backups.get(backup_id)
        if record is None:
            raise KeyError(backup_id)
        return record

    def new_id(self) -> str:
        """An id nothing has yet; the same ones in the same order from the same seed."""
        return self._maker.new_id()

    def settle(self) -> None:
        """End the deletions whose time has come; while the service is down nothing ends."""
        with self.lock:
            if self.service_is_up:
                self.backups.settle(self.now(), self.settings.driver_error)

    def accept_create(self, *, volume_id: str, name: str, project_id: str) -> BackupRecord:
        """Take the making of a backup on: it is there from now on, and available in its own time."""
        now = self.now()
        fields = BackupFields(volume_id=volume_id, name=name, project_id=project_id, status="creating", created_at=now)
        record = self._new_record(fields)
        self.backups.start_creation(record, now, self.settings.create_seconds)
        return record

    def accept_delete(self, record: BackupRecord, token: Token, call: Call) -> None:
        """Take a DELETE on: write it down and let it happen in its own time."""
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

    # ---------------------------------------------------------------- weather

    def set_service(self, *, up: bool) -> None:
        """Take cinder-backup down (its API answers all the time) or up; deletions under way wait meanwhile."""
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
        """Allow each user so many calls a minute of each of these methods, counted from now; None: all."""
        limit = None if per_minute is None else RateLimit(per_minute=per_minute, methods=tuple(methods), form=form)
        with self.lock:
            self.rate_limit = limit

    def inject(self, *faults: Fault) -> None:
        """Spoil calls to come; see `Fault`."""
        self.faults.add(*faults)

    def clear_faults(self) -> None:
        """Let no further call be spoiled."""
        self.faults.clear()

    # ---------------------------------------------------------------- people

    def password_of(self, user: str = "member") -> str:
        """What this user logs in with."""
        return self.identity.users[user].password

    def change_password(self, password: str, user: str = "member") -> None:
        """Change it in the cloud, which also revokes the user's tokens."""
        with self.lock:
            self.identity.change_password(user, password, self.now(), coarse=self.settings.coarse_revocation)

    def revoke_tokens(self, user: str | None = None) -> None:
        """Refuse every token there is, of one user or of all."""
        with self.lock:
            self.identity.revoke_all(user, self.now(), coarse=self.settings.coarse_revocation)

    def new_access_key(self, user: str = "member") -> None:
        """Give a user another access key; the one it has is deleted."""
        with self.lock:
            self.identity.new_access_key(user)

    def is_locked(self, user: str = "member") -> bool:
        """Whether too many failed logins have locked this user."""
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
        """The target secret of a user: a clouds.yaml entry; `service` is `vbs`, `cinder` or `cbr`."""
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
