"""What a backup service answered, as values: one name for every answer a call can end with."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final, Literal, get_args

import msgspec

from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.identifiers import BackupId, ProjectId

Service = Literal["vbs", "cinder", "cbr"]
"""On `vbs` and `cbr` each backup is independent; on `cinder` an incremental backup needs the ones before it."""

SERVICES: Final[tuple[Service, ...]] = get_args(Service)


PLACE_LIMIT: Final = 256
"""Maximum characters of a place as text, because SQS limits the attributes of a message."""


def place_of(project_id: str, address: str) -> str:
    """Return where backups are, as text: the project and the root of the service, or its hash if it is very long."""
    place = f"{project_id} {address}".rstrip()
    return place if len(place) <= PLACE_LIMIT else f"{project_id} sha256:{sha256(address.encode()).hexdigest()}"


class Operation(StrEnum):
    """A call to a cloud, as metrics and logs name it."""

    DELETE_BACKUP = "DeleteBackup"
    SHOW_BACKUP = "ShowBackup"
    LIST_BACKUPS = "ListBackups"
    LIST_TASKS = "ListTasks"
    AUTHENTICATE = "Authenticate"


class AnswerName(StrEnum):
    """Every answer a call can end in."""

    # The backup
    FOUND = "found"
    GONE = "gone"
    MAYBE_GONE = "maybe_gone"
    OTHER_BACKUP = "other_backup"
    ACCEPTED = "accepted"
    MAYBE_ACCEPTED = "maybe_accepted"
    WRONG_STATE = "wrong_state"
    HAS_DEPENDENTS = "has_dependents"
    USED_BY_IMAGE = "used_by_image"
    LOCKED = "locked"
    VAULT_UNUSABLE = "vault_unusable"
    BUSY = "busy"
    CONFLICT = "conflict"
    DELETION_FAILED = "deletion_failed"
    BAD_REQUEST = "bad_request"
    UNEXPECTED_CLIENT_ERROR = "unexpected_client_error"
    UNEXPECTED = "unexpected"
    STALE_ANSWER = "stale_answer"
    # The service
    NO_SERVICE = "no_service"
    UNAVAILABLE = "unavailable"
    SERVER_ERROR = "server_error"
    THROTTLED = "throttled"
    WRONG_ENDPOINT = "wrong_endpoint"
    REDIRECTED = "redirected"
    PROXY_REFUSED = "proxy_refused"
    GATEWAY_REFUSED = "gateway_refused"
    URL_PROJECT_MISMATCH = "url_project_mismatch"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    # The wire
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    # Before the call: secret, login, guards
    SECRET_UNUSABLE = "secret_unusable"  # noqa: S105  # pragma: allowlist secret  # a name, no secret
    LOGIN_REFUSED = "login_refused"
    USER_LOCKED = "user_locked"
    CLOCK_SKEW = "clock_skew"
    LOGIN_BUSY = "login_busy"
    BUCKET_UNUSABLE = "bucket_unusable"
    LOGIN_THROTTLED = "login_throttled"
    LOGIN_UNAVAILABLE = "login_unavailable"
    LOGIN_MISPLACED = "login_misplaced"
    TOKEN_PROJECT_MISMATCH = "token_project_mismatch"  # noqa: S105  # a name, no secret
    ADMINISTRATOR = "administrator"
    OTHER_PROJECT = "other_project"
    OUT_OF_TIME = "out_of_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInfo:
    """What is known about a target once its login succeeded, and what a decision needs to know about it."""

    project_id: ProjectId
    hold_marker: str
    shows_metadata: bool
    """Whether its API shows metadata. If so, a record without metadata cannot be judged."""
    service: Service = "vbs"
    address: str = field(default="", compare=False, repr=False)
    """The root of the service: one project may have backups in several regions."""
    api_version: str = field(default="", compare=False)
    """The version in the path of every call, such as `v2`."""
    roles: tuple[str, ...] = field(default=(), compare=False)
    """The names of the token's roles, as the cloud spells them."""

    @property
    def place(self) -> str:
        """Where its backups are, see `place_of`."""
        return place_of(self.project_id, self.address)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One call's answer. `message` is the server's text or a sentence of this package, printable and short."""

    name: AnswerName
    status: int | None = None
    message: str = ""
    request_id: str = ""
    retry_after_s: float | None = None
    at: datetime | None = None
    backup: Backup | None = None
    is_late: bool = False
    """The call, or its repeat after a new login, was not sent because `BackupRef.not_after` had passed."""
    is_repeat: bool = False
    """The call was first sent on a kept connection, which broke without a response: it may have been processed."""
    follow_up: tuple[Operation, ...] = ()
    """Calls that say more: whether a backup that may be gone is gone, or why the deletion of this one failed."""
    target: TargetInfo | None = None
    """Present on every answer of the backup service itself; `backup` on `FOUND` and `OTHER_BACKUP` only."""


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange with a backup service, for the record: an answer may stand on several, as after a refused token."""

    operation: Operation
    status: str
    """The number, or what stands in its place in the metrics."""
    at: datetime
    request_id: str = ""
    backup_id: BackupId | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A complete list of backups; newest first, as the cloud orders it, each id once."""

    backups: tuple[Backup, ...]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a listing, in the cloud's order; no backup of an earlier page is in it."""

    backups: tuple[Backup, ...]
    date: datetime | None
    """The cloud's clock as its `Date` header shows it; None where it shows none."""
    restarted: bool = False
    """The listing began again from the start: what earlier pages showed no longer counts."""
