"""A delete request as JSON: the shape that producers send, and the source of the published schema.

The patterns are for the schema only. `request.read_request` checks the values itself with a full match, because `$` in
a JSON Schema pattern lets a trailing newline pass.
"""

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vbs_reaper.backups.identifiers import PROJECT_ID, TARGET, UUID

BULK_LIMIT: Final = 1000
"""Maximum number of backups of one bulk request."""
SURVIVORS_LIMIT: Final = 5
"""Maximum number of survivors that a request names."""
NAME_LIMIT: Final = 255
"""Characters of a backup's name: the width of Cinder's column."""
VOLUME_ID_LIMIT: Final = 64
"""Characters of a volume's ID. UUIDs have 36, but the cloud defines the format."""
TEXT_LIMIT: Final = 256

_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
_ZONE = r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
INSTANT: Final = re.compile(_MOMENT + _ZONE)
CREATED_AT: Final = re.compile(f"{_MOMENT}{_ZONE}?")
"""Only the cloud's own timestamps may lack an offset: a person may have meant local time."""

BackupIdText = Annotated[
    str, Meta(description="a lower-case canonical UUID", extra_json_schema={"pattern": f"^{UUID.pattern}$"})
]
ProjectIdText = Annotated[
    str, Meta(description="32 lower-case hex digits", extra_json_schema={"pattern": f"^{PROJECT_ID.pattern}$"})
]
TargetText = Annotated[
    str, Meta(description="a configured target's name", extra_json_schema={"pattern": f"^{TARGET.pattern}$"})
]
InstantText = Annotated[
    str,
    Meta(
        description="RFC 3339 instant",
        extra_json_schema={"format": "date-time", "pattern": f"^{INSTANT.pattern}$"},
    ),
]
CreatedAtText = Annotated[
    str,
    Meta(
        description="RFC 3339 instant, or as the cloud shows it: without a zone in UTC",
        extra_json_schema={"pattern": f"^{CREATED_AT.pattern}$"},
    ),
]
ShortText = Annotated[str, Meta(max_length=TEXT_LIMIT)]
NameText = Annotated[str, Meta(max_length=NAME_LIMIT)]
VolumeIdText = Annotated[str, Meta(max_length=VOLUME_ID_LIMIT)]
Survivors = Annotated[tuple[BackupIdText, ...], Meta(min_length=1, max_length=SURVIVORS_LIMIT)]


class ExpectationJson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the backup must look like before the DELETE; a field that is left out is not compared."""

    volume_id: VolumeIdText | UnsetType = UNSET
    created_at: CreatedAtText | UnsetType = UNSET
    name: NameText | None | UnsetType = UNSET
    status: Literal["available", "error"] | UnsetType = UNSET
    survivors: Survivors | UnsetType = UNSET


class DeleteRequestJson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A request to delete one backup."""

    backup_id: BackupIdText
    target: TargetText | UnsetType = UNSET
    project_id: ProjectIdText | UnsetType = UNSET
    expect: ExpectationJson | UnsetType = UNSET
    not_before: InstantText | UnsetType = UNSET
    expires_at: InstantText | UnsetType = UNSET
    reason: ShortText | UnsetType = UNSET
    requested_by: ShortText | UnsetType = UNSET


class BulkDeleteRequestJson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Many backups under one set of conditions. It is split into single requests, each with its own end."""

    backup_ids: Annotated[tuple[BackupIdText, ...], Meta(min_length=1, max_length=BULK_LIMIT)]
    target: TargetText | UnsetType = UNSET
    project_id: ProjectIdText | UnsetType = UNSET
    expect: ExpectationJson | UnsetType = UNSET
    not_before: InstantText | UnsetType = UNSET
    expires_at: InstantText | UnsetType = UNSET
    reason: ShortText | UnsetType = UNSET
    requested_by: ShortText | UnsetType = UNSET
