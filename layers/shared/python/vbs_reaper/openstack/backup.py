"""One volume backup as the cloud shows it: read once, unknown fields ignored, missing told from null."""

from datetime import UTC
from datetime import datetime
from enum import StrEnum
from typing import Any
from typing import NewType

import msgspec
from msgspec import UNSET
from msgspec import UnsetType

from vbs_reaper.openstack.hold import contains
from vbs_reaper.openstack.hold import is_hold_key

BackupId = NewType("BackupId", str)
"""A lower-case canonical UUID, checked where it entered."""

ProjectId = NewType("ProjectId", str)
"""32 lower-case hexadecimal digits."""

OWNER_FIELDS = ("os-backup-project-attr:project_id", "os-bak-tenant-attr:tenant_id")
"""Where v3 and v2 show which project owns a backup."""

OWNED_BY_ANOTHER_SERVICE = frozenset({1, 5})
"""`service_metadata.ST` of backups that belong to server backups (VBS user guide, "VBS Backup Management")."""


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # as Cinder writes instants: in UTC, and without saying so
_UTC_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Counted from here an instant is in UTC; `replace` would take six times as long, for each of a million backups."""


class Status(StrEnum):
    """The states this project knows; any other is `UNKNOWN` and nothing is decided on it."""

    AVAILABLE = "available"
    ERROR = "error"
    CREATING = "creating"
    RESTORING = "restoring"
    DELETING = "deleting"
    ERROR_DELETING = "error_deleting"
    UNKNOWN = "unknown"


class Backup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A backup record of `GET /backups/{id}` or of one row of `/backups/detail`.

    A field the answer left out is `UNSET`; null is `None`: unknown is never read as absent, old or unprotected.
    """

    id: str
    volume_id: str | None | UnsetType = UNSET
    status_text: str | None | UnsetType = msgspec.field(name="status", default=UNSET)
    created_at_text: str | None | UnsetType = msgspec.field(name="created_at", default=UNSET)
    updated_at_text: str | None | UnsetType = msgspec.field(name="updated_at", default=UNSET)
    name: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    size: int | float | None | UnsetType = UNSET
    is_incremental: bool | None | UnsetType = UNSET
    data_timestamp: Any = UNSET
    snapshot_id: Any = UNSET
    has_dependent_backups: Any = UNSET
    fail_reason: str | None | UnsetType = UNSET
    service_metadata: str | None | UnsetType = UNSET
    tenant_id: str | None | UnsetType = msgspec.field(name="os-bak-tenant-attr:tenant_id", default=UNSET)
    project_id: str | None | UnsetType = msgspec.field(name="os-backup-project-attr:project_id", default=UNSET)

    @property
    def status(self) -> Status:
        """The state, `UNKNOWN` when the cloud names one this project does not know or none at all."""
        try:
            return Status(self.status_text)  # type: ignore[arg-type]  # UNSET and None are no status: ValueError
        except ValueError:
            return Status.UNKNOWN

    @property
    def created_at(self) -> datetime | None:
        """When it was made, in UTC; None when missing or unreadable."""
        return read_instant(self.created_at_text)

    @property
    def updated_at(self) -> datetime | None:
        """When its record last changed, in UTC; None when missing or unreadable."""
        return read_instant(self.updated_at_text)

    @property
    def odd_fields(self) -> frozenset[str]:
        """Fields that the answer shows with another JSON type than the API documents: they are `UNSET` here."""
        return frozenset()

    @property
    def odd_owner(self) -> str | None:
        """An owner field with an unexpected type: whose backup it is cannot be told."""
        return next((name for name in OWNER_FIELDS if name in self.odd_fields), None)

    def owner_other_than(self, project_id: str) -> str | None:
        """Another project that owns it, where the answer shows one (v2 and v3 name the field differently)."""
        return next((owner for owner in (self.project_id, self.tenant_id) if owner and owner != project_id), None)

    @property
    def service_type(self) -> int | None:
        """`ST` of the JSON in `service_metadata`: which service made it; None where nobody else did or says so."""
        return read_service_type(self.service_metadata)

    def missing_field(self, *, with_metadata: bool) -> str | None:
        """Name the first field that a decision needs and this record lacks; None when all are there.

        With `with_metadata` (API v3 from microversion 3.43) the metadata is needed too: it may hold the backup.
        Metadata and owners that need not be shown are missing as well if they are shown with an unexpected type.
        """
        if not self.volume_id:
            return "volume_id"
        if not self.status_text:
            return "status"
        if self.created_at is None:
            return "created_at"
        if self.name is UNSET:
            return "name"
        if self.description is UNSET:
            return "description"
        if with_metadata and not isinstance(self.metadata, dict):
            return "metadata"
        return "metadata" if "metadata" in self.odd_fields else self.odd_owner

    def complaint(self, field: str) -> str:
        """Say of a needed field that it is missing, or that it has an unexpected type."""
        return f'shows "{field}" with an unexpected type' if field in self.odd_fields else f'lacks "{field}"'

    def is_held(self, hold_marker: str) -> bool:
        """Whether its owner asked for it to stay: marker in name or description, or a metadata key `hold`.

        Any spelling of them counts, see `vbs_reaper.openstack.hold`.
        """
        return (
            contains(self.name, hold_marker)
            or contains(self.description, hold_marker)
            or (isinstance(self.metadata, dict) and any(map(is_hold_key, self.metadata)))
        )


class OddBackup(Backup, frozen=True, kw_only=True, gc=False):
    """A record with at least one field of an unexpected JSON type, named as on the wire."""

    odd: frozenset[str]

    @property
    def odd_fields(self) -> frozenset[str]:
        """The fields that could not be read."""
        return self.odd


def read_instant(text: object) -> datetime | None:
    """Read Cinder's `YYYY-MM-DDTHH:MM:SS[.ffffff]` (UTC without a zone) or RFC 3339; None when it is neither."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if "T" not in text.upper() and " " not in text:
        return None
    try:
        return _UTC_EPOCH + (instant - _EPOCH) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError:
        return None


def read_service_type(text: object) -> int | None:
    """Read `ST` from VBS's JSON-in-a-string; the rest is dropped at once: it can name encryption keys."""
    if not isinstance(text, str):
        return None
    try:
        service_type = msgspec.json.decode(text.strip(), type=_ServiceMetadata).service_type
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    text = str(service_type)
    return int(text) if text.isascii() and text.isdigit() else None


class _ServiceMetadata(msgspec.Struct, frozen=True):
    service_type: int | str | None = msgspec.field(name="ST", default=None)
