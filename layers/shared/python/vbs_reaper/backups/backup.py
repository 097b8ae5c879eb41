"""A volume backup as the cloud shows it. Unknown fields are ignored; a missing field is distinguished from null."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.backups.hold_marker import contains, is_hold_key
from vbs_reaper.timestamps import read_instant

OWNER_FIELDS = ("os-backup-project-attr:project_id", "os-bak-tenant-attr:tenant_id")
"""The fields in which API v3 and v2 show the project that owns a backup."""

VOLUME = "OS::Cinder::Volume"
"""The `resource_type` of a volume's backup."""

OWNED_BY_ANOTHER_SERVICE = frozenset({1, 5})
"""`service_metadata.ST` of backups that belong to server backups (VBS user guide, "VBS Backup Management")."""

CSI_DESCRIPTION = "Created by OpenStack Cinder CSI driver"
"""The description of the backups that Kubernetes makes for volume snapshots. VBS has it inside of a JSON text."""
CSI_METADATA_PREFIX = "cinder.csi.openstack.org/"
"""How their metadata keys begin (kubernetes/cloud-provider-openstack, pkg/csi/cinder)."""


class Status(StrEnum):
    """The status values that this application knows. All others are `UNKNOWN`, and nothing is decided on them."""

    AVAILABLE = "available"
    ERROR = "error"
    CREATING = "creating"
    RESTORING = "restoring"
    DELETING = "deleting"
    ERROR_DELETING = "error_deleting"
    UNKNOWN = "unknown"


class Backup(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A backup record of `GET /backups/{id}`, or one row of `GET /backups/detail`.

    A field that is missing in the response is `UNSET`, and null is `None`. So an unknown value is never mistaken for an
    empty one, and a backup never looks old or unprotected because a field is missing.
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
    expired_at: Any = UNSET
    service_metadata: str | None | UnsetType = UNSET
    tenant_id: str | None | UnsetType = msgspec.field(name="os-bak-tenant-attr:tenant_id", default=UNSET)
    project_id: str | None | UnsetType = msgspec.field(name="os-backup-project-attr:project_id", default=UNSET)
    resource_type: str | None | UnsetType = UNSET
    """What was backed up, if the service also backs up other things than volumes."""
    parent_id: str | None | UnsetType = UNSET
    """The backup that this one is a part of."""
    image_ids: list[str] | None | UnsetType = UNSET
    """The images that were made from it."""

    @property
    def status(self) -> Status:
        """The status; `UNKNOWN` if it is missing or this application does not know it."""
        try:
            return Status(self.status_text)  # type: ignore[arg-type]  # UNSET and None raise ValueError
        except ValueError:
            return Status.UNKNOWN

    @property
    def created_at(self) -> datetime | None:
        """When it was made, in UTC; None if that is missing or unreadable."""
        return read_instant(self.created_at_text)

    @property
    def updated_at(self) -> datetime | None:
        """When its record last changed, in UTC; None if that is missing or unreadable."""
        return read_instant(self.updated_at_text)

    @property
    def odd_fields(self) -> frozenset[str]:
        """Names of the fields that have another JSON type than the API documents. The fields themselves are `UNSET`."""
        return frozenset()

    @property
    def is_identified(self) -> bool:
        """Whether the response says clearly which backup it is about."""
        return True

    @property
    def odd_owner(self) -> str | None:
        """The owner field that has an unexpected type, if any: the owner is unknown then."""
        return next((name for name in OWNER_FIELDS if name in self.odd_fields), None)

    def owner_other_than(self, project_id: str) -> str | None:
        """Return the project that owns the backup if it is another one, as shown in the field of API v2 or v3."""
        for owner in (self.project_id, self.tenant_id):
            if owner and owner != project_id:
                return owner
        return None

    def not_only_a_volume(self) -> str | None:
        """Return why this is not the backup of one volume alone, as part of a sentence; None if it is."""
        if self.parent_id:
            return f"it is a part of backup {self.parent_id}"
        if isinstance(self.resource_type, str) and self.resource_type != VOLUME:
            return f"it is a backup of {self.resource_type}"
        return None

    def removed_by_another(self) -> str | None:
        """Return the field that shows that Kubernetes or the cloud itself removes this backup; None if none does."""
        if self.description and CSI_DESCRIPTION in self.description:
            return "description"
        if self.metadata and any(key.startswith(CSI_METADATA_PREFIX) for key in self.metadata):
            return "metadata"
        return None if self.expired_at is UNSET or self.expired_at is None else "expired_at"

    def missing_field(self, *, with_metadata: bool, has_created_at: bool | None = None) -> str | None:
        """Return the first field that a decision needs but this record lacks; None if it lacks none.

        If `with_metadata` (API v3 from microversion 3.43) the metadata is needed too, because it may contain a hold.
        Metadata and owner are optional otherwise, but count as missing if they have an unexpected type. A caller that
        has already parsed `created_at` states in `has_created_at` whether it is usable; parsing it again is slow.
        """
        if has_created_at is None:
            has_created_at = self.created_at is not None
        if not self.volume_id:
            return "volume_id"
        if not self.status_text:
            return "status"
        if not has_created_at:
            return "created_at"
        if self.name is UNSET:
            return "name"
        if self.description is UNSET:
            return "description"
        return "metadata" if with_metadata and not isinstance(self.metadata, dict) else None

    def complaint(self, field: str) -> str:
        """Return what is wrong with a needed field, as part of a sentence: missing, of an unexpected type, or twice."""
        return f'shows "{field}" with an unexpected type' if field in self.odd_fields else f'lacks "{field}"'

    def is_held(self, hold_marker: str) -> bool:
        """Return whether it is on hold: its name or description contains the marker, or its metadata have a key `hold`.

        All spellings of both count, see `vbs_reaper.backups.hold_marker`.
        """
        return (
            contains(self.name, hold_marker)
            or contains(self.description, hold_marker)
            or bool(self.metadata and any(map(is_hold_key, self.metadata)))
        )


_RESTRICTING = ("metadata", "resource_type", "parent_id")
"""Fields that can forbid a deletion. Not every API has them, but an odd value is unknown."""
_IDENTITY = frozenset({"backup", "id"})
"""The keys of a response that say which backup it is about."""


class OddBackup(Backup, frozen=True, kw_only=True, gc=False):
    """A record with fields that cannot be trusted. `odd` contains their names as in the response."""

    odd: frozenset[str]
    twice: frozenset[str] = frozenset()
    """Those of them that are named twice. The others have an unexpected JSON type."""

    @property
    def odd_fields(self) -> frozenset[str]:
        """The names of these fields."""
        return self.odd

    @property
    def is_identified(self) -> bool:
        """Whether the record and its ID are named once."""
        return not self.twice & _IDENTITY

    def complaint(self, field: str) -> str:
        """Return what is wrong with a needed field, see `Backup.complaint`. Without an identity, no field is known."""
        field = min(self.twice & _IDENTITY, default=field)
        return f'shows "{field}" twice' if field in self.twice else Backup.complaint(self, field)

    def missing_field(self, *, with_metadata: bool, has_created_at: bool | None = None) -> str | None:
        """Return the first field that a decision needs but this record lacks, see `Backup.missing_field`."""
        missing = super().missing_field(with_metadata=with_metadata, has_created_at=has_created_at)
        return missing or next((name for name in _RESTRICTING if name in self.odd), self.odd_owner)
