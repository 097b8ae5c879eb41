"""A delete request: one named backup and what must hold before it is deleted. Parsed once, then trusted."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.backups.identifiers import PROJECT_ID, TARGET, BackupId, ProjectId, is_backup_id
from vbs_reaper.deletion.request_json import (
    CREATED_AT,
    INSTANT,
    NAME_LIMIT,
    SURVIVORS_LIMIT,
    TEXT_LIMIT,
    VOLUME_ID_LIMIT,
    DeleteRequestJson,
    ExpectationJson,
)
from vbs_reaper.errors import InvalidRequest
from vbs_reaper.strict_json import explain
from vbs_reaper.text import printable
from vbs_reaper.timestamps import read_instant

NOT_BEFORE_LIMIT: Final = timedelta(hours=24)


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What the backup must look like before the DELETE. None, or UNSET for `name`, means: not compared."""

    volume_id: str | None = None
    created_at: datetime | None = None
    name: str | None | UnsetType = UNSET
    """None expects a backup without a name."""
    status: str | None = None
    """Compared only before the first DELETE, because the DELETE changes the status."""
    survivors: tuple[BackupId, ...] = ()
    """Other backups that must be usable at the moment this one is deleted."""


class DeleteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to delete one backup. Timestamps are in UTC; None means that the field was left out."""

    backup_id: BackupId
    target: str | None = None
    project_id: ProjectId | None = None
    """A guard: the target's project must be this one."""
    expect: Expectation = Expectation()
    not_before: datetime | None = None
    expires_at: datetime | None = None
    reason: str | None = None
    requested_by: str | None = None
    fields: Mapping[str, Any] = {}
    """The request as JSON values, for messages and events that carry it on."""


KNOWN_KEYS: Final = (
    *DeleteRequestJson.__struct_fields__,
    "backup_ids",
    *(f"expect.{name}" for name in ExpectationJson.__struct_fields__),
)
_ENVELOPE_KEYS: Final = ("detail", "detail-type", "Type", "Message", "specversion", "data", "id", "source", "type")
QUOTABLE_KEYS: Final = frozenset({path.rpartition(".")[2] for path in KNOWN_KEYS} | {*_ENVELOPE_KEYS})
"""The keys that messages may quote. Any other key of a request may be a secret that was pasted in the wrong place."""
_GIVE_INSTANT: Final = "give an instant such as 2026-11-25T04:00:00Z (RFC 3339)"
_GIVE_TEXT: Final = f"give a text of at most {TEXT_LIMIT} characters"
_FIXES: Final = {
    "target": "give up to 63 lower-case letters, digits and dashes",
    "project_id": "give 32 lower-case hexadecimal digits",
    "expect": 'give an object such as {"name": "daily"}',
    "expect.volume_id": f"give the volume's id of at most {VOLUME_ID_LIMIT} characters",
    "expect.created_at": _GIVE_INSTANT,
    "expect.name": f"give the backup's name of at most {NAME_LIMIT} characters (null if it has no name)",
    "expect.status": 'give "available" or "error"',
    "expect.survivors": f"give 1 to {SURVIVORS_LIMIT} ids of backups that stay",
    "not_before": _GIVE_INSTANT,
    "expires_at": _GIVE_INSTANT,
    "reason": _GIVE_TEXT,
    "requested_by": _GIVE_TEXT,
}
"""How to fix a field, by its path."""
_FIXES_OF_TYPE: Final = {path: f"{fix}, or leave it out" for path, fix in _FIXES.items()}
"""The same for a value of the wrong type, which is often a null that was meant as "left out"."""


def read_request(document: Mapping[str, Any], sent_at: datetime) -> DeleteRequest:
    """Check and parse a decoded request. `not_before` may be at most 24 hours after `sent_at`.

    Raises:
        InvalidRequest: names the field, what was found and how to fix it.
    """
    _check_id("backup_id", document.get("backup_id"))
    _check_pattern("target", document.get("target"), TARGET)
    _check_pattern("project_id", document.get("project_id"), PROJECT_ID)
    given = _convert(document)
    not_before = _read_instant("not_before", given.not_before, INSTANT)
    expires_at = _read_instant("expires_at", given.expires_at, INSTANT)
    if not_before and not_before > sent_at + NOT_BEFORE_LIMIT:
        raise InvalidRequest(
            '"not_before" is more than 24 hours ahead; for longer, use an EventBridge Scheduler at() schedule'
        )
    fields: dict[str, Any] = msgspec.to_builtins(given)
    return DeleteRequest(
        backup_id=BackupId(given.backup_id),
        target=_or_none(given.target),
        project_id=None if given.project_id is UNSET else ProjectId(given.project_id),
        expect=Expectation() if given.expect is UNSET else _read_expectation(given.expect, given.backup_id),
        not_before=not_before,
        expires_at=expires_at,
        reason=_or_none(given.reason),
        requested_by=_or_none(given.requested_by),
        fields=fields,
    )


def invalid_backup_id(name: str, value: object) -> str | None:
    """Return what is wrong with a value as a backup ID and how to fix it, or None if it is a backup ID."""
    if is_backup_id(value):
        return None
    if value is None:
        return f'"{name}" is missing; give the backup\'s id'
    return f'"{name}" is {_found(value)}; give a lower-case UUID such as 1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11'


def _convert(document: Mapping[str, Any]) -> DeleteRequestJson:
    try:
        return msgspec.convert(document, DeleteRequestJson, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidRequest(printable(explain(error, KNOWN_KEYS, _FIXES_OF_TYPE))) from None


def _read_expectation(expect: ExpectationJson, backup_id: str) -> Expectation:
    created_at = _read_instant("expect.created_at", expect.created_at, CREATED_AT)
    survivors = () if expect.survivors is UNSET else expect.survivors
    for position, survivor in enumerate(survivors):
        _check_id(f"expect.survivors[{position}]", survivor)
        if survivor == backup_id:
            raise InvalidRequest(
                '"expect.survivors" names the backup itself; name a backup that stays, or leave it out'
            )
    return Expectation(
        volume_id=_or_none(expect.volume_id),
        created_at=created_at,
        name=expect.name,
        status=_or_none(expect.status),
        survivors=tuple(map(BackupId, survivors)),
    )


def _or_none(text: str | UnsetType) -> str | None:
    return None if text is UNSET else text


def _check_id(name: str, value: object) -> None:
    wrong = invalid_backup_id(name, value)
    if wrong:
        raise InvalidRequest(wrong)


def _check_pattern(name: str, value: object, pattern: re.Pattern[str]) -> None:
    if isinstance(value, str) and not pattern.fullmatch(value):
        raise _mismatch(name, value)


def _read_instant(name: str, value: str | UnsetType, pattern: re.Pattern[str]) -> datetime | None:
    if value is UNSET:
        return None
    # RFC 3339 allows "t" and "z" in lower case; Python reads the "z" in upper case only.
    moment = read_instant(value.upper()) if pattern.fullmatch(value) else None
    if moment is None:
        raise _mismatch(name, value)
    return moment


def _mismatch(name: str, value: str) -> InvalidRequest:
    return InvalidRequest(f'"{name}" is {_found(value)}; {_FIXES[name]}')


def _found(value: object) -> str:
    """Quote what was found, short enough for a sentence."""
    text = printable(value if isinstance(value, str) else msgspec.json.encode(value).decode(errors="replace"))
    return f'"{text[:64]}{"..." if len(text) > 64 else ""}"'
