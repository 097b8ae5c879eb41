"""Cloud Backup and Recovery (CBR) of Open Telekom Cloud and Huawei Cloud: paths, paging, records, errors, proof.

Source: API reference "Cloud Backup and Recovery", chapters "Backups", "Tasks" and "Error Codes". None of it was
measured on a live cloud. `tests/contract/test_cbr.py` lists what is documented and what is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from vbs_reaper.backups.answer import AnswerName, Operation
from vbs_reaper.backups.backup import OWNER_FIELDS, VOLUME, Status
from vbs_reaper.backups.identifiers import UUID, is_backup_id, is_project_id
from vbs_reaper.backups.record import read_record, with_odd
from vbs_reaper.clouds.apis.answers import STATUS_ANSWERS, checked_id, make_answer, name_malformed, name_status
from vbs_reaper.clouds.apis.interface import Rows
from vbs_reaper.clouds.apis.records import read_backup, read_date
from vbs_reaper.clouds.error_body import ErrorBody, read_error_body
from vbs_reaper.clouds.http.transport import USER_AGENT, HttpRequest, NotSendable, checked_url
from vbs_reaper.strict_json import has_doubled_key
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vbs_reaper.backups.answer import Answer
    from vbs_reaper.backups.backup import Backup
    from vbs_reaper.clouds.apis.interface import Call
    from vbs_reaper.clouds.endpoint import ApiVersion
    from vbs_reaper.clouds.http.deadline import Reply
    from vbs_reaper.clouds.login.login import Login

PAGE_SIZE: Final = 1000
"""The largest page of backups and of tasks."""

OVERLAP: Final = 50
"""How many rows of the previous page a page repeats. While a list is read, up to 49 of its rows may be deleted."""

NOT_FOUND: Final = {(404, "BackupService.6200"), (400, "CSBS.3001")}
"""Status and code of "The backup does not exist.\""""
_THROTTLED: Final = frozenset({"APIGW.0308", "APIG.0308"})
_BUSY: Final = ("2010", "6125", "6130", "6134", "6203", "6216", "7200", "7302", "CSBS.2003")
_BAD_REQUEST_CODES: Final = {
    **dict.fromkeys(_BUSY, AnswerName.BUSY),
    "6201": AnswerName.CONFLICT,
    "6112": AnswerName.VAULT_UNUSABLE,
    "6711": AnswerName.CONFLICT,
    "6712": AnswerName.CONFLICT,
    "6204": AnswerName.USED_BY_IMAGE,
    "6710": AnswerName.USED_BY_IMAGE,
    "6220": AnswerName.LOCKED,
}
"""What a 400 means."""
_SERVER_ERROR_CODES: Final = {
    "0002": AnswerName.BUSY,
    "7009": AnswerName.BUSY,
    "9998": AnswerName.UNAUTHORIZED,
}
"""What a 500 means. 9998 is "Authentication failed."."""
_MALFORMED_URL: Final = "Malformed request url"
"""The project in the URL is not the token's. The status is 401, and means neither gone nor a rejected token."""

_STATUS_WORDS: Final = {
    "protecting": Status.CREATING,
    "waiting_protect": Status.CREATING,
    "waiting_restore": Status.RESTORING,
    "waiting_delete": Status.DELETING,
}
"""The status values that the other APIs do not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CbrApi:
    """Implements `BackupApi` for CBR."""

    version: ApiVersion = "v3"
    service_types: tuple[str, ...] = ("cbr",)

    @property
    def shows_metadata(self) -> bool:
        """Backups have no metadata."""
        return False

    @property
    def accepted(self) -> frozenset[int]:
        """Documented is 204 without a body; a public recording has 200."""
        return frozenset(range(200, 300))

    def prepare(self, call: Call, login: Login) -> HttpRequest:
        """Return the HTTP request of a call; see `BackupApi.prepare`."""
        if not is_project_id(login.project_id):
            raise NotSendable("the project is not 32 lower-case hexadecimal digits")
        project = checked_url(f"{login.root}/{self.version}/{login.project_id}")
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
        }
        if call.operation is Operation.DELETE_BACKUP:
            url = f"{project}/backups/{checked_id(call.backup_id)}"
            return HttpRequest("DELETE", url, headers | {"Content-Length": "0"})
        headers["Cache-Control"] = "no-cache"
        if call.operation is Operation.SHOW_BACKUP:
            return HttpRequest("GET", f"{project}/backups/{checked_id(call.backup_id)}", headers)
        query = {"limit": str(call.page_size or PAGE_SIZE)}
        if call.volume_id is not None:
            query["resource_id"] = checked_id(call.volume_id)
        if call.operation is Operation.LIST_TASKS:
            query["operation_type"] = "delete"
            return HttpRequest("GET", f"{project}/operation-logs?{_write_query(query)}", headers)
        if not call.confirms:
            # In ascending order, backups that are made while the list is read are on its last page.
            query |= {"resource_type": VOLUME, "sort": "created_at:asc", "offset": str(_read_offset(call.marker))}
        return HttpRequest("GET", f"{project}/backups?{_write_query(query)}", headers)

    def read_record(self, record: bytes | msgspec.Raw) -> Backup | None:
        """Read one record, see `backups.record.read_record`. For lists that were saved in a file."""
        return _read_record(record)

    def read(self, call: Call, reply: Reply, now: datetime) -> Answer | Rows:
        """Classify the response to a call; see `BackupApi.read`."""
        if call.operation is Operation.LIST_BACKUPS and not call.confirms and reply.status == 200:
            rows = _read_rows(reply.body, reply.headers.get("date"), call.marker)
            if rows is not None:
                return rows
        if call.confirms and reply.status == 200:
            judge = _judge_list if call.operation is Operation.LIST_BACKUPS else _judge_log
            with _JUDGING:
                name, message = judge(call, reply.body)
            return replace(make_answer(name, reply, ErrorBody(), now), message=message)
        return self._read_answer(call, reply, now)

    def _read_answer(self, call: Call, reply: Reply, now: datetime) -> Answer:
        error = read_error_body(reply.body) if not 200 <= reply.status < 300 else ErrorBody()
        name = _name(call, reply, error)
        backup = None
        if name is AnswerName.FOUND:
            backup = read_backup(reply.body, _read_record, _FIELDS)
            if backup is None:
                name = AnswerName.UNAVAILABLE
            elif backup.is_identified and backup.id != call.backup_id:
                name = AnswerName.OTHER_BACKUP
        answer = make_answer(name, reply, error, now, backup)
        if call.operation is not Operation.SHOW_BACKUP:
            return answer
        if name is AnswerName.MAYBE_GONE:
            known_volume = (Operation.LIST_BACKUPS,) if call.volume_id else ()
            return replace(answer, follow_up=(*known_volume, Operation.LIST_TASKS))
        if name is AnswerName.FOUND and backup is not None and backup.status is Status.ERROR:
            return replace(answer, follow_up=(Operation.LIST_TASKS,))
        return answer


CBR_V3: Final = CbrApi()


def _write_query(query: Mapping[str, str]) -> str:
    """Return the query sorted by name and encoded as in RFC 3986, because it may be signed."""
    return urlencode(sorted(query.items()), quote_via=quote)


def _read_offset(marker: str | None) -> int:
    """Read the number of rows to skip. `_read_rows` has written it."""
    return int(marker or "0")


def _name(call: Call, reply: Reply, error: ErrorBody) -> AnswerName:
    status, number = reply.status, error.code.removeprefix("BackupService.")
    if 200 <= status < 300:
        return _name_success(call, reply)
    if 300 <= status < 400:
        return AnswerName.REDIRECTED  # whatever its body says
    if error.code in _THROTTLED:
        return AnswerName.THROTTLED
    if status in {400, 401} and _MALFORMED_URL in error.message:
        return AnswerName.URL_PROJECT_MISMATCH
    # A list that is not allowed, or does not exist here, proves nothing, but says nothing about the target.
    if call.confirms and STATUS_ANSWERS.get(status, AnswerName.WRONG_ENDPOINT) is AnswerName.WRONG_ENDPOINT:
        return AnswerName.FORBIDDEN if status == 403 else AnswerName.MAYBE_GONE
    if status in {400, 404} and _may_be_gone(call, status, reply.body):
        return AnswerName.MAYBE_GONE
    if status == 404:
        return _name_not_found(call.operation, error)
    if status == 400:
        return _name_bad_request(call.operation, number, error)
    if status == 500 and number in _SERVER_ERROR_CODES:
        return _SERVER_ERROR_CODES[number]
    return name_status(call.operation, status, error)


def _name_success(call: Call, reply: Reply) -> AnswerName:
    if call.operation is Operation.DELETE_BACKUP:
        return AnswerName.ACCEPTED
    if reply.status != 200:
        return AnswerName.UNAVAILABLE
    return AnswerName.FOUND if call.operation is Operation.SHOW_BACKUP else AnswerName.UNAVAILABLE


def _name_not_found(operation: Operation, error: ErrorBody) -> AnswerName:
    """A 404 that is not about the backup never says that it is gone."""
    if operation is Operation.DELETE_BACKUP and error.code == _RESTORE_POINT_GONE:
        return AnswerName.WRONG_STATE
    return AnswerName.UNEXPECTED if error.code.startswith(_OWN_CODES) else AnswerName.WRONG_ENDPOINT


def _name_bad_request(operation: Operation, number: str, error: ErrorBody) -> AnswerName:
    if not error.is_json:
        return AnswerName.UNEXPECTED
    if error.from_gateway:
        return AnswerName.GATEWAY_REFUSED
    return _BAD_REQUEST_CODES.get(number) or name_malformed(operation)


# Records: CBR's fields under the names that they have in `Backup`.

_FIELDS: Final = {
    "id": "id",
    "resource_id": "volume_id",
    "resource_size": "size",
    "resource_type": "resource_type",
    "parent_id": "parent_id",
    "project_id": OWNER_FIELDS[0],
    "status": "status",
    "name": "name",
    "description": "description",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "expired_at": "expired_at",
}
_KIND: Final = frozenset({"resource_type", "parent_id"})
"""Fields that must be known before a deletion: they tell a volume's backup from a part of a server backup."""
_UNREADABLE: Final = (msgspec.DecodeError, ValueError, RecursionError)


class _Image(msgspec.Struct, frozen=True):
    image_id: str


class _ExtendInfo(msgspec.Struct, frozen=True):
    os_images_data: tuple[_Image, ...] | None | UnsetType = UNSET


def _read_record(record: bytes | msgspec.Raw) -> Backup | None:
    """Read one record, see `backups.record.read_record`. Fields that `Backup` does not have are ignored."""
    try:
        members = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    except _UNREADABLE:
        return None
    renamed: dict[str, Any] = {name: members[field] for field, name in _FIELDS.items() if field in members}
    images = _read_images(members.get("extend_info"))
    backup = read_record(msgspec.json.encode(renamed if images is None else renamed | {"image_ids": images}))
    if backup is None:
        return None
    word = _STATUS_WORDS.get(backup.status_text) if isinstance(backup.status_text, str) else None
    backup = backup if word is None else msgspec.structs.replace(backup, status_text=word.value)
    unknown = {field for field in _KIND if field not in members}
    unknown |= {"resource_type"} if backup.resource_type is None else set()
    return with_odd(backup, unknown)


def _read_images(extend_info: msgspec.Raw | None) -> list[str] | None:
    """Return the IDs of the images that were made from the backup; None if they are unknown."""
    try:
        images = msgspec.json.decode(extend_info or b"{}", type=_ExtendInfo).os_images_data
    except _UNREADABLE:
        return None
    return None if images is UNSET else [image.image_id for image in images or ()]


# Pages are requested by the number of rows to skip: the answer has no links, and a deletion shifts all later rows.


class _Page(msgspec.Struct, frozen=True):
    backups: list[msgspec.Raw]
    count: Any = None


def _read_rows(body: bytes, date: str | None, marker: str | None) -> Rows | None:
    """Read a page. Returns None if it is not a list, or if a row has no readable ID."""
    try:
        page = msgspec.json.decode(body, type=_Page)
    except _UNREADABLE:
        return None
    backups = [row for raw in page.backups if (row := _read_record(raw)) is not None]
    if len(backups) < len(page.backups):
        return None
    total = page.count if type(page.count) is int else None
    end = _read_offset(marker) + len(backups)
    # A full page has a next one whatever `count` says: it may be the number of rows of the page. Without it, the list
    # ends with a page that shows nothing new.
    has_more = bool(backups) and (len(backups) >= PAGE_SIZE or total is None or end < total)
    return Rows(
        backups=backups,
        next=str(end - min(OVERLAP, len(backups) - 1)) if has_more else None,
        overlaps=marker is not None,
        total=total,
        date=read_date(date),
    )


# Proof of deletion. The response to a GET does not say which backup does not exist, so it takes a second response:
# a complete list of the backups of its volume without it, or its successful deletion in the log of tasks.

_JUDGING: Final = Lock()
"""Such a response may have megabytes, and many times that as objects: ten at once would exceed the memory."""
_RESTORE_POINT_GONE: Final = "BackupService.6217"
_OWN_CODES: Final = ("BackupService.", "CSBS.")


class _Error(msgspec.Struct, frozen=True):
    error_code: str
    error_msg: str = ""


def _may_be_gone(call: Call, status: int, body: bytes) -> bool:
    """Return whether the response to a GET or DELETE says that this backup does not exist."""
    if call.operation not in {Operation.SHOW_BACKUP, Operation.DELETE_BACKUP} or has_doubled_key(body):
        return False
    try:
        error = msgspec.json.decode(body, type=_Error)
    except _UNREADABLE:
        return False
    return (status, error.error_code) in NOT_FOUND and all(
        found == call.backup_id for found in UUID.findall(error.error_msg)
    )


class _Row(msgspec.Struct, frozen=True):
    id: str
    resource_id: str


class _VolumeBackups(msgspec.Struct, frozen=True):
    backups: list[_Row]
    count: int


def _judge_list(call: Call, body: bytes) -> tuple[AnswerName, str]:
    """Judge the list of the volume's backups. It proves nothing if it is incomplete, or if its filter was ignored."""
    try:
        listed = msgspec.json.decode(body, type=_VolumeBackups)
    except _UNREADABLE:
        return AnswerName.MAYBE_GONE, "it cannot be read"
    if any(row.id == call.backup_id for row in listed.backups):
        return AnswerName.UNEXPECTED, "a GET does not find the backup, but the list of its volume shows it"
    if any(row.resource_id != call.volume_id for row in listed.backups):
        return AnswerName.MAYBE_GONE, "it shows other volumes"
    ids = {row.id for row in listed.backups}
    if not all(map(is_backup_id, ids)):
        return AnswerName.MAYBE_GONE, "it shows an ID that is not a lower-case UUID"
    if not len(ids) == len(listed.backups) == listed.count or listed.count >= PAGE_SIZE or has_doubled_key(body):
        return AnswerName.MAYBE_GONE, "it is incomplete"
    return AnswerName.GONE, ""


class _Deletion(msgspec.Struct, frozen=True):
    backup_id: str = ""


class _ExtraInfo(msgspec.Struct, frozen=True):
    delete: _Deletion | None = None


class _Failure(msgspec.Struct, frozen=True):
    code: str | None = None
    message: str | None = None


class _Task(msgspec.Struct, frozen=True):
    status: str
    operation_type: str
    extra_info: _ExtraInfo | None = None
    error_info: _Failure | None = None
    created_at: str | None = None


class _Log(msgspec.Struct, frozen=True):
    operation_logs: list[msgspec.Raw]


def _judge_log(call: Call, body: bytes) -> tuple[AnswerName, str]:
    """Judge the deletions in the log of tasks. The cloud keeps it for about 30 days."""
    try:
        rows = msgspec.json.decode(body, type=_Log).operation_logs
    except _UNREADABLE:
        return AnswerName.MAYBE_GONE, "it cannot be read"
    tasks = [task for row in rows if (task := _read_task(row)) is not None]
    wanted = _Deletion(backup_id=call.backup_id or "")
    deletions = (task for task in tasks if task.operation_type == "delete")
    own = [task for task in deletions if task.extra_info is not None and task.extra_info.delete == wanted]
    if any(task.status == "success" for task in own) and not has_doubled_key(body):
        return AnswerName.GONE, ""
    failed = [task for task in own if task.status == "failed"]
    if not failed:
        return AnswerName.MAYBE_GONE, "it shows no finished deletion"
    error = max(failed, key=lambda task: task.created_at or "").error_info or _Failure()
    text = " ".join(filter(None, (error.code, error.message)))
    return AnswerName.DELETION_FAILED, printable(text) or "the cloud does not say why"


def _read_task(row: msgspec.Raw) -> _Task | None:
    """Read a row of the log; None if it is odd. It proves nothing then, but neither does it hide the other rows."""
    try:
        return msgspec.json.decode(row, type=_Task)
    except _UNREADABLE:
        return None
