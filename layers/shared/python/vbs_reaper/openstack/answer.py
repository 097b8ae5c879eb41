"""What one call to a cloud said, by name, whatever happened on the wire: total over every status and body.

Source of the rules: API reference "Deleting a VBS Backup (Native OpenStack API)", Cinder's own answers as measured,
and the error codes of VBS, APIG, EVS and IAM. All knowledge of status codes and error bodies lives here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.fault import Fault
from vbs_reaper.openstack.fault import printable
from vbs_reaper.openstack.fault import read_fault
from vbs_reaper.openstack.fault import read_retry_after
from vbs_reaper.openstack.gone import says_gone
from vbs_reaper.openstack.record import read_record


class Operation(StrEnum):
    """A call to a cloud, as metrics and logs name it."""

    DELETE_BACKUP = "DeleteBackup"
    SHOW_BACKUP = "ShowBackup"
    LIST_BACKUPS = "ListBackups"
    AUTHENTICATE = "Authenticate"


class AnswerName(StrEnum):
    """Every answer a call can end in."""

    # The backup
    FOUND = "found"
    GONE = "gone"
    OTHER_BACKUP = "other_backup"
    ACCEPTED = "accepted"
    MAYBE_ACCEPTED = "maybe_accepted"
    WRONG_STATE = "wrong_state"
    HAS_DEPENDENTS = "has_dependents"
    USED_BY_IMAGE = "used_by_image"
    CONFLICT = "conflict"
    BAD_REQUEST = "bad_request"
    UNEXPECTED_CLIENT_ERROR = "unexpected_client_error"
    UNEXPECTED = "unexpected"
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
    SECRET_UNUSABLE = "secret_unusable"  # noqa: S105  # a name, no secret
    LOGIN_REFUSED = "login_refused"
    LOGIN_THROTTLED = "login_throttled"
    LOGIN_UNAVAILABLE = "login_unavailable"
    LOGIN_MISPLACED = "login_misplaced"
    TOKEN_PROJECT_MISMATCH = "token_project_mismatch"  # noqa: S105  # a name, no secret
    ADMINISTRATOR = "administrator"
    OTHER_PROJECT = "other_project"
    OUT_OF_TIME = "out_of_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """What a decision must know of the target an answer came from."""

    project_id: ProjectId
    hold_marker: str
    shows_metadata: bool
    """Whether its API shows metadata (v3 from microversion 3.43): then a record without it cannot be judged."""
    service: Literal["vbs", "cinder"] = "vbs"
    """Whose backups these are: on Cinder an incremental one needs those before it."""
    address: str = field(default="", compare=False, repr=False)
    """Of the service: one project may have backups in several regions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One call's answer. `message` is the server's own words or a sentence of ours, printable and short."""

    name: AnswerName
    status: int | None = None
    message: str = ""
    request_id: str = ""
    retry_after_s: float | None = None
    at: datetime | None = None
    backup: Backup | None = None
    is_late: bool = False
    """The call, or its repeat after a new login, was not sent, because the time given for it was over."""
    target: TargetView | None = None
    """Present on every answer of the backup service itself; `backup` on `FOUND` and `OTHER_BACKUP` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One exchange with a backup service, for the record: an answer may stand on several, as after a refused token."""

    operation: Operation
    status: str
    """The number, or what stands in its place in the metrics."""
    at: datetime
    request_id: str = ""
    backup_id: BackupId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A complete list of backups; newest first, as the cloud orders it, each id once."""

    backups: tuple[Backup, ...]


_RETRIED_VBS_CODES = frozenset(
    f"VolumeBackup.{number}"
    for number in ("0014", "0100", "0101", "0102", "0103", "0104", "0109", "0110", "0123", "0125", "0900")
)
_WRONG_ENDPOINT = frozenset({405, 406, 410, 415, 501})
_UNAVAILABLE = frozenset({502, 503, 504})
_THROTTLED = frozenset({413, 429})
_OF_THE_CALLER = frozenset({402, 421, 431, 494})
"""The account, the connection or the token's size: never about one backup."""


def read_answer(
    operation: Operation, backup_id: BackupId, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> Answer:
    """Name the answer to one show or delete. Never raises; `headers` has lower-case names.

    A 404 is `GONE` only when the body is JSON and its `itemNotFound.message` names exactly `backup_id`.
    """
    fault = read_fault(body) if status != 202 else Fault()
    name = _name_not_found(backup_id, fault, body) if status == 404 else _name(operation, status, fault)
    backup = None
    if name is AnswerName.FOUND:
        backup = _read_backup(body)
        if backup is None:
            name = AnswerName.UNAVAILABLE
        elif backup.id != backup_id:
            name = AnswerName.OTHER_BACKUP
    return Answer(
        name=name,
        status=status,
        message=printable(fault.message) or f"status {status}",
        request_id=read_request_id(headers, body if fault.is_json else b""),
        retry_after_s=read_retry_after(headers.get("retry-after"), fault.retry_after, now)
        if name in {AnswerName.THROTTLED, AnswerName.UNAVAILABLE}
        else None,
        at=now,
        backup=backup,
    )


def _name(operation: Operation, status: int, fault: Fault) -> AnswerName:
    if 200 <= status < 300:
        return _name_success(operation, status)
    if 300 <= status < 400:
        return AnswerName.REDIRECTED
    if status == 400:
        return _name_bad_request(operation, fault)
    return _name_by_status(operation, status, fault)


def _name_success(operation: Operation, status: int) -> AnswerName:
    if operation is Operation.DELETE_BACKUP:
        return AnswerName.ACCEPTED if status == 202 else AnswerName.MAYBE_ACCEPTED
    return AnswerName.FOUND if status == 200 else AnswerName.UNAVAILABLE


def _name_bad_request(operation: Operation, fault: Fault) -> AnswerName:  # noqa: PLR0911  # one line per row of the table
    if not fault.is_json:
        return AnswerName.UNEXPECTED
    if fault.from_gateway:
        return AnswerName.GATEWAY_REFUSED
    if fault.code == "VolumeBackup.0113":
        return AnswerName.USED_BY_IMAGE
    if fault.code == "Common.0013":
        return AnswerName.UNAUTHORIZED
    if fault.code in _RETRIED_VBS_CODES:
        return AnswerName.UNAVAILABLE
    if "status must be available or error" in fault.message:
        return AnswerName.WRONG_STATE
    if "Incremental backups exist for this backup" in fault.message:
        return AnswerName.HAS_DEPENDENTS
    if "Malformed request url" in fault.message:
        return AnswerName.URL_PROJECT_MISMATCH
    return _name_malformed(operation)


def _name_malformed(operation: Operation) -> AnswerName:
    """A GET of checked ids cannot be malformed, so that answer says nothing about the request."""
    return AnswerName.BAD_REQUEST if operation is Operation.DELETE_BACKUP else AnswerName.UNEXPECTED


def _name_not_found(backup_id: BackupId, fault: Fault, body: bytes) -> AnswerName:
    if not fault.is_json:  # decoding into a type passes over what is wrong in keys it does not know
        return AnswerName.WRONG_ENDPOINT
    try:
        message = msgspec.json.decode(body, type=_NotFound).fault.message
    except (msgspec.DecodeError, ValueError, RecursionError):
        return AnswerName.WRONG_ENDPOINT
    if says_gone(message, backup_id):
        return AnswerName.GONE
    if re.match(r"Service \S+ could not be found", message):
        return AnswerName.NO_SERVICE
    return AnswerName.WRONG_ENDPOINT


class _NotFoundFault(msgspec.Struct, frozen=True):
    message: str


class _NotFound(msgspec.Struct, frozen=True):
    fault: _NotFoundFault = msgspec.field(name="itemNotFound")


def _name_by_status(operation: Operation, status: int, fault: Fault) -> AnswerName:  # noqa: PLR0911  # one line per row of the table
    if status == 401:
        return AnswerName.UNAUTHORIZED
    if status in _OF_THE_CALLER or (status == 403 and fault.from_gateway):
        return AnswerName.GATEWAY_REFUSED
    if status == 403:
        return AnswerName.FORBIDDEN
    if status in _WRONG_ENDPOINT:
        return AnswerName.WRONG_ENDPOINT
    if status == 407:
        return AnswerName.PROXY_REFUSED
    if status == 408:
        return AnswerName.TIMED_OUT
    if status == 409:
        return AnswerName.CONFLICT
    if status in _THROTTLED:
        return AnswerName.THROTTLED
    if status == 500:
        return AnswerName.SERVER_ERROR
    if status in _UNAVAILABLE:
        return AnswerName.UNAVAILABLE
    if not 400 < status < 500:
        return AnswerName.UNEXPECTED
    if fault.from_gateway:
        return AnswerName.GATEWAY_REFUSED
    return _name_malformed(operation) if status == 414 else AnswerName.UNEXPECTED_CLIENT_ERROR


def _read_backup(body: bytes) -> Backup | None:
    try:
        return read_record(msgspec.json.decode(body, type=_Shown).backup)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


class _Shown(msgspec.Struct, frozen=True):
    backup: msgspec.Raw


class _Numbered(msgspec.Struct, frozen=True):
    request_id: str = ""


def read_request_id(headers: Mapping[str, str], body: bytes) -> str:
    """The cloud's own id of a call, printable; empty where it names none."""
    named = headers.get("x-openstack-request-id") or headers.get("x-compute-request-id")
    if named:
        return printable(named)
    try:
        return printable(msgspec.json.decode(body, type=_Numbered).request_id)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
