"""A delete request: one named backup, and what must be true before it goes. Checked here once, then trusted."""

import re
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import Annotated
from typing import Any
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec import Meta
from msgspec import UnsetType

from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.backup import read_instant
from vbs_reaper.openstack.fault import printable
from vbs_reaper.strict_json import explain

NOT_BEFORE_LIMIT: Final = timedelta(hours=24)
BULK_LIMIT: Final = 1000
SURVIVORS_LIMIT: Final = 5
NAME_LIMIT: Final = 255
"""Characters of a backup's name: the width of Cinder's column."""
VOLUME_ID_LIMIT: Final = 64
"""Characters of a volume's id: a UUID has 36; which shape it has, the cloud alone decides."""
TEXT_LIMIT: Final = 256

_BACKUP_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_PROJECT_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TARGET = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
_ZONE = r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
_INSTANT = re.compile(_MOMENT + _ZONE)
_CREATED_AT = re.compile(f"{_MOMENT}{_ZONE}?")
"""Only the cloud's own times may lack a zone: a person's may be meant as local ones."""

# Patterns are for the schema only: read_request checks them by a full match, as "$" lets a newline pass.
BackupIdText = Annotated[
    str, Meta(description="a lower-case canonical UUID", extra_json_schema={"pattern": f"^{_BACKUP_ID.pattern}$"})
]
ProjectIdText = Annotated[
    str, Meta(description="32 lower-case hex digits", extra_json_schema={"pattern": f"^{_PROJECT_ID.pattern}$"})
]
TargetText = Annotated[
    str, Meta(description="a configured target's name", extra_json_schema={"pattern": f"^{_TARGET.pattern}$"})
]
InstantText = Annotated[
    str,
    Meta(
        description="RFC 3339 instant",
        extra_json_schema={"format": "date-time", "pattern": f"^{_INSTANT.pattern}$"},
    ),
]
CreatedAtText = Annotated[
    str,
    Meta(
        description="RFC 3339 instant, or as the cloud shows it: without a zone in UTC",
        extra_json_schema={"pattern": f"^{_CREATED_AT.pattern}$"},
    ),
]
ShortText = Annotated[str, Meta(max_length=TEXT_LIMIT)]
NameText = Annotated[str, Meta(max_length=NAME_LIMIT)]
VolumeIdText = Annotated[str, Meta(max_length=VOLUME_ID_LIMIT)]
Survivors = Annotated[tuple[BackupIdText, ...], Meta(min_length=1, max_length=SURVIVORS_LIMIT)]


class RequestRefused(ValueError):
    """The request cannot be accepted; the message is one sentence that names field, finding and fix."""


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the look before the DELETE must show; what is left out is not compared."""

    volume_id: VolumeIdText | UnsetType = UNSET
    created_at: CreatedAtText | UnsetType = UNSET
    name: NameText | None | UnsetType = UNSET
    survivors: Survivors | UnsetType = UNSET


class DeleteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The command "this one backup shall be gone" (DESIGN section 4)."""

    backup_id: BackupIdText
    target: TargetText | UnsetType = UNSET
    project_id: ProjectIdText | UnsetType = UNSET
    expect: Expectation | UnsetType = UNSET
    not_before: InstantText | UnsetType = UNSET
    expires_at: InstantText | UnsetType = UNSET
    reason: ShortText | UnsetType = UNSET
    requested_by: ShortText | UnsetType = UNSET


class BulkDeleteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Many backups under one set of conditions: split into single requests, each with an end of its own."""

    backup_ids: Annotated[tuple[BackupIdText, ...], Meta(min_length=1, max_length=BULK_LIMIT)]
    target: TargetText | UnsetType = UNSET
    project_id: ProjectIdText | UnsetType = UNSET
    expect: Expectation | UnsetType = UNSET
    not_before: InstantText | UnsetType = UNSET
    expires_at: InstantText | UnsetType = UNSET
    reason: ShortText | UnsetType = UNSET
    requested_by: ShortText | UnsetType = UNSET


KNOWN_KEYS: Final = (
    *DeleteRequest.__struct_fields__,
    "backup_ids",
    *(f"expect.{field}" for field in Expectation.__struct_fields__),
)
_GIVE_INSTANT: Final = "give an instant such as 2026-11-25T04:00:00Z (RFC 3339)"
_GIVE_TEXT: Final = f"give a text of at most {TEXT_LIMIT} characters"
_FIXES: Final = {
    "target": "give up to 63 lower-case letters, digits and dashes",
    "project_id": "give 32 lower-case hexadecimal digits",
    "expect": 'give an object such as {"name": "daily"}',
    "expect.volume_id": f"give the volume's id of at most {VOLUME_ID_LIMIT} characters",
    "expect.created_at": _GIVE_INSTANT,
    "expect.name": f"give the backup's name of at most {NAME_LIMIT} characters (null where it has none)",
    "expect.survivors": f"give 1 to {SURVIVORS_LIMIT} ids of backups that stay",
    "not_before": _GIVE_INSTANT,
    "expires_at": _GIVE_INSTANT,
    "reason": _GIVE_TEXT,
    "requested_by": _GIVE_TEXT,
}
"""What to write in a field, by its path."""
_FIXES_OF_KIND: Final = {field: f"{fix}, or leave it out" for field, fix in _FIXES.items()}
"""The same where the field holds another kind of value, often a null that stands for none."""


def read_request(document: Mapping[str, Any], sent_at: datetime) -> DeleteRequest:
    """Check a decoded request. `sent_at` is when its message was sent: `not_before` counts from there.

    Raises:
        RequestRefused: names the field, what was found and what to do.
    """
    _check_id("backup_id", document.get("backup_id"))
    _check_pattern("target", document.get("target"), _TARGET)
    _check_pattern("project_id", document.get("project_id"), _PROJECT_ID)
    request = _convert(document)
    not_before = _check_instant("not_before", request.not_before, _INSTANT)
    _check_instant("expires_at", request.expires_at, _INSTANT)
    if not_before and not_before > sent_at + NOT_BEFORE_LIMIT:
        raise RequestRefused(
            '"not_before" is more than 24 hours ahead; for longer, use an EventBridge Scheduler at() schedule'
        )
    _check_expectation(request)
    return request


def is_backup_id(value: object) -> bool:
    """Whether this is a lower-case canonical UUID and nothing else."""
    return isinstance(value, str) and _BACKUP_ID.fullmatch(value) is not None


def is_target(value: object) -> bool:
    """Whether this can be a target's name."""
    return isinstance(value, str) and _TARGET.fullmatch(value) is not None


def refused_backup_id(field: str, value: object) -> str | None:
    """Say why a value is no backup id and what to give instead; None where it is one."""
    if is_backup_id(value):
        return None
    if value is None:
        return f'"{field}" is missing; give the backup\'s id'
    return f'"{field}" is {_found(value)}; give a lower-case UUID such as 1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11'


def instant(text: str | UnsetType) -> datetime | None:
    """An instant of a checked request, in UTC; None where it was left out."""
    # Python's reader takes RFC 3339's "t" in lower case too, but its "z" in upper case only.
    return None if text is UNSET else read_instant(text.upper())


def backup_id_of(request: DeleteRequest) -> BackupId:
    """The id as the type that every call demands."""
    return BackupId(request.backup_id)


def project_id_of(request: DeleteRequest) -> ProjectId | None:
    """The guard, where the request states one."""
    return None if request.project_id is UNSET else ProjectId(request.project_id)


def survivors_of(request: DeleteRequest) -> tuple[BackupId, ...]:
    """The backups that must be there at the moment this one goes."""
    if request.expect is UNSET or request.expect.survivors is UNSET:
        return ()
    return tuple(BackupId(survivor) for survivor in request.expect.survivors)


def _convert(document: Mapping[str, Any]) -> DeleteRequest:
    try:
        return msgspec.convert(document, DeleteRequest, strict=True)
    except msgspec.ValidationError as error:
        raise RequestRefused(printable(explain(error, KNOWN_KEYS, _FIXES_OF_KIND))) from None


def _check_expectation(request: DeleteRequest) -> None:
    if request.expect is UNSET:
        return
    _check_instant("expect.created_at", request.expect.created_at, _CREATED_AT)
    if request.expect.survivors is UNSET:
        return
    for position, survivor in enumerate(request.expect.survivors):
        _check_id(f"expect.survivors[{position}]", survivor)
        if survivor == request.backup_id:
            raise RequestRefused(
                '"expect.survivors" names the backup itself; name a backup that stays, or leave it out'
            )


def _check_id(field: str, value: object) -> None:
    refused = refused_backup_id(field, value)
    if refused:
        raise RequestRefused(refused)


def _check_pattern(field: str, value: object, pattern: re.Pattern[str]) -> None:
    if isinstance(value, str) and not pattern.fullmatch(value):
        raise _unlike(field, value)


def _check_instant(field: str, value: str | UnsetType, pattern: re.Pattern[str]) -> datetime | None:
    if value is UNSET:
        return None
    moment = instant(value) if pattern.fullmatch(value) else None
    if moment is None:
        raise _unlike(field, value)
    return moment


def _unlike(field: str, value: str) -> RequestRefused:
    return RequestRefused(f'"{field}" is {_found(value)}; {_FIXES[field]}')


def _found(value: object) -> str:
    """What was found, short enough for a sentence."""
    text = printable(value if isinstance(value, str) else msgspec.json.encode(value).decode(errors="replace"))
    return f'"{text[:64]}…"'.replace("…", "..." if len(text) > 64 else "")
