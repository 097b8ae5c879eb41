"""The volume backup API of OpenStack Cinder, versions 2 and 3: paths, paging, records, error bodies, proof of deletion.

Source: Block Storage API V3, "Backups (backups)", and the answers of Cinder 29 as measured by `tests/contract`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from vbs_reaper.backups.answer import AnswerName, Operation
from vbs_reaper.backups.identifiers import UUID, is_project_id
from vbs_reaper.clouds.apis.answers import checked_id, make_answer, name_malformed, name_status
from vbs_reaper.clouds.apis.records import PAGE_SIZE, read_backup, read_rows
from vbs_reaper.clouds.error_body import ErrorBody, read_error_body
from vbs_reaper.clouds.http.transport import USER_AGENT, HttpRequest, NotSendable, checked_url
from vbs_reaper.strict_json import has_doubled_key

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.backups.answer import Answer
    from vbs_reaper.backups.identifiers import BackupId
    from vbs_reaper.clouds.apis.interface import Call, Rows
    from vbs_reaper.clouds.endpoint import ApiVersion
    from vbs_reaper.clouds.http.deadline import Reply
    from vbs_reaper.clouds.login.login import Login

MICROVERSION: Final = "volume 3.43"
"""The first microversion that shows metadata, which may hold a backup."""

_BAD_REQUEST_TEXTS: Final = {
    "status must be available or error": AnswerName.WRONG_STATE,
    "Incremental backups exist for this backup": AnswerName.HAS_DEPENDENTS,
    "Malformed request url": AnswerName.URL_PROJECT_MISMATCH,
}
"""What a 400 means, by a part of its message."""
_VBS_TROUBLE: Final = ("0014", "0100", "0101", "0102", "0103", "0104", "0109", "0110", "0123", "0125", "0900")
"""Numbers of `VolumeBackup` codes for trouble in the service, which VBS reports with status 400."""
_VBS_CODES: Final = {
    **{f"VolumeBackup.{number}": AnswerName.UNAVAILABLE for number in _VBS_TROUBLE},
    "VolumeBackup.0113": AnswerName.USED_BY_IMAGE,
    "Common.0013": AnswerName.UNAUTHORIZED,
}
"""What a 400 means, by the code of VBS. Checked for every target: one that is configured as Cinder may be VBS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CinderApi:
    """Implements `BackupApi` for Cinder."""

    version: ApiVersion
    service_types: tuple[str, ...]

    @property
    def accepted(self) -> frozenset[int]:
        """The response to an accepted deletion has status 202, and says nothing else."""
        return frozenset({202})

    @property
    def shows_metadata(self) -> bool:
        """Only version 3 has microversions, and with them metadata."""
        return self.version == "v3"

    def prepare(self, call: Call, login: Login) -> HttpRequest:
        """Return the HTTP request of a call; see `BackupApi.prepare`."""
        if not is_project_id(login.project_id):
            raise NotSendable("the project is not 32 lower-case hexadecimal digits")
        backups = checked_url(f"{login.root}/{self.version}/{login.project_id}/backups")
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if call.operation is Operation.DELETE_BACKUP:
            return HttpRequest("DELETE", f"{backups}/{checked_id(call.backup_id)}", headers | {"Content-Length": "0"})
        # A shared cache may store responses to an X-Auth-Token, which is not an Authorization (RFC 9111 section 3.5).
        headers["Cache-Control"] = "no-cache"
        if self.shows_metadata:
            headers["OpenStack-API-Version"] = MICROVERSION
        if call.operation is Operation.SHOW_BACKUP:
            return HttpRequest("GET", f"{backups}/{checked_id(call.backup_id)}", headers)
        # Only `limit` and `marker`: a next link repeats an offset and then skips rows (measured).
        query = f"limit={call.page_size or PAGE_SIZE}"  # sorted by name, because it may be signed
        query += "" if call.marker is None else f"&marker={checked_id(call.marker)}"
        query += "" if call.volume_id is None else f"&volume_id={checked_id(call.volume_id)}"
        return HttpRequest("GET", f"{backups}/detail?{query}", headers)

    def read(self, call: Call, reply: Reply, now: datetime) -> Answer | Rows:
        """Classify the response to a call; see `BackupApi.read`."""
        if call.operation is Operation.LIST_BACKUPS and reply.status == 200:
            rows = read_rows(reply.body, reply.headers.get("date"))
            if rows is not None:
                return rows
        return self.read_answer(call.operation, call.backup_id or call.marker or "", reply, now)

    def read_answer(self, operation: Operation, backup_id: str, reply: Reply, now: datetime) -> Answer:
        """Classify any response. Total over every status and body."""
        is_look = reply.status == 200 and operation is not Operation.DELETE_BACKUP
        backup = read_backup(reply.body) if is_look else None
        error = read_error_body(reply.body) if backup is None and reply.status != 202 else ErrorBody()
        name = self._name(operation, backup_id, reply, error)
        if name is AnswerName.FOUND:
            if backup is None:
                name = AnswerName.UNAVAILABLE
            elif backup.is_identified and backup.id != backup_id:
                name = AnswerName.OTHER_BACKUP
        return make_answer(name, reply, error, now, backup)

    def _name(self, operation: Operation, backup_id: str, reply: Reply, error: ErrorBody) -> AnswerName:
        status = reply.status
        if 200 <= status < 300:
            return _name_success(operation, status)
        if status == 404:
            return _name_not_found(backup_id, error, reply.body)
        if status == 400:
            return _name_bad_request(operation, error)
        return name_status(operation, status, error)


CINDER_V2: Final = CinderApi(version="v2", service_types=("volumev2", "volumev3", "block-storage"))
CINDER_V3: Final = CinderApi(version="v3", service_types=("volumev3", "block-storage", "volumev2"))


def _name_success(operation: Operation, status: int) -> AnswerName:
    if operation is Operation.DELETE_BACKUP:
        return AnswerName.ACCEPTED if status == 202 else AnswerName.MAYBE_ACCEPTED
    return AnswerName.FOUND if status == 200 else AnswerName.UNAVAILABLE


def _name_bad_request(operation: Operation, error: ErrorBody) -> AnswerName:
    if not error.is_json:
        return AnswerName.UNEXPECTED
    if error.from_gateway:
        return AnswerName.GATEWAY_REFUSED
    by_text = (answer for text, answer in _BAD_REQUEST_TEXTS.items() if text in error.message)
    return _VBS_CODES.get(error.code) or next(by_text, None) or name_malformed(operation)


# Proof of deletion: a 404 counts only if the API itself says that this very backup was not found.

_GAP: Final = r"[^\w.?!]+"
"""Blanks and punctuation that do not end a sentence."""
_BACKUP: Final = r"[\s\"']*(?i:(?:the\s+)?(?:volume\s+)?backup)"
_ID: Final = rf"(?i:(?:with\s+)?id{_GAP})?(?P<id>{UUID.pattern})"
_NOT_FOUND: Final = r"(?i:(?:(?:could|can)\s+not\s+be|cannot\s+be|is\s+not|was\s+not|has\s+not\s+been|not)\s+found)"
_END: Final = r"(?:\s*\(HTTP 404\))?[^\w?]*"
_GONE: Final = (
    re.compile(f"{_BACKUP}{_GAP}{_ID}{_GAP}{_NOT_FOUND}{_END}"),
    re.compile(rf"{_BACKUP}\s+{_NOT_FOUND}{_GAP}{_ID}{_END}"),
)
"""The documented words, `Backup <id> could not be found.`, and spellings of them that mean the same.

The whole message must match. Any other word can change the meaning: what is missing may be something else of the
backup, and the backup may be missing in one cache, host or region only.
"""


def says_gone(message: str, backup_id: BackupId | str) -> bool:
    """Return whether a message says that this backup was not found, and says nothing else."""
    matches = (gone.fullmatch(message) for gone in _GONE)
    return any(match is not None and match["id"] == backup_id for match in matches)


class _NotFoundMessage(msgspec.Struct, frozen=True):
    message: str


class _NotFound(msgspec.Struct, frozen=True):
    error: _NotFoundMessage = msgspec.field(name="itemNotFound")


class _ProofMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    message: str
    code: int | str = 404


class _Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole body of a proof. What else a body says may mean that a gateway or another part has failed."""

    error: _ProofMessage = msgspec.field(name="itemNotFound")
    request_id: str = ""


def _is_proof(body: bytes, backup_id: BackupId | str) -> bool:
    try:
        error = msgspec.json.decode(body, type=_Proof).error
    except msgspec.DecodeError:
        return False
    return str(error.code) == "404" and says_gone(error.message, backup_id) and not has_doubled_key(body)


def _name_not_found(backup_id: str, error: ErrorBody, body: bytes) -> AnswerName:
    if not error.is_json:  # decoding into a type does not check the parts it does not know
        return AnswerName.WRONG_ENDPOINT
    try:
        message = msgspec.json.decode(body, type=_NotFound).error.message
    except (msgspec.DecodeError, ValueError, RecursionError):
        return AnswerName.WRONG_ENDPOINT
    if _is_proof(body, backup_id):
        return AnswerName.GONE
    if re.match(r"Service \S+ could not be found", message):
        return AnswerName.NO_SERVICE
    return AnswerName.WRONG_ENDPOINT
