"""One backup in the simulated cloud."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

DELETABLE = frozenset({"available", "error"})


class Driver(StrEnum):
    """What the backup driver does with an accepted deletion."""

    DELETES = "deletes"
    FAILS = "fails"
    """The status becomes `error` with a fail_reason, as for every error of a driver of Cinder."""
    FAILS_FOR_GOOD = "fails_for_good"
    """The status becomes `error_deleting`, which only an administrator can reset."""
    HANGS = "hangs"
    """The status remains `deleting`."""


class BackupFields(TypedDict, total=False):
    """The optional fields of a backup that is added or changed."""

    id: str
    project_id: str
    volume_id: str
    name: str | None
    description: str | None
    status: str
    size: int
    created_at: datetime
    updated_at: datetime | None
    metadata: dict[str, str]
    fail_reason: str | None
    parent_id: str | None
    is_incremental: bool
    snapshot_id: str | None
    service_metadata: str
    delete_seconds: float | None
    driver: Driver
    cbr: dict[str, Any]
    shown: dict[str, Any]
    hidden: list[str]


@dataclass(slots=True, kw_only=True)
class BackupRecord:
    """A row of the table of backups. Times are UTC."""

    id: str
    project_id: str
    user_id: str
    volume_id: str
    created_at: datetime
    name: str | None = "backup"
    description: str | None = None
    status: str = "available"
    size: int = 1
    updated_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    fail_reason: str | None = None
    parent_id: str | None = None
    """The backup that this one is an increment of. No response shows it, but it cannot be deleted before this one."""
    is_incremental: bool = False
    snapshot_id: str | None = None
    service_metadata: str = ' {"bootable": false, "Type": 0}'
    """VBS only: a string that contains JSON after a space."""
    delete_seconds: float | None = None
    """Overrides the setting of the cloud."""
    driver: Driver = Driver.DELETES
    cbr: Mapping[str, Any] = field(default_factory=dict)
    """Fields that only CBR shows: `resource_type`, `part_of`, `image_ids`, `auto_trigger`, `expired_at`."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """Values that responses show instead of the true ones, such as a null, a malformed time or another ID."""
    hidden: list[str] = field(default_factory=list)
    """Fields that responses omit."""

    @property
    def key(self) -> tuple[datetime, str]:
        """The sort key of lists, which are in descending order."""
        return (self.created_at, self.id)
