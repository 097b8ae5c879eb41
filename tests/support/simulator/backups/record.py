"""One backup in the simulated cloud."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

DELETABLE = frozenset({"available", "error"})


class Driver(StrEnum):
    """How the deletion of a backup goes once it was accepted."""

    DELETES = "deletes"
    FAILS = "fails"
    """Cinder's answer to any trouble of its driver: `error` again, with a fail_reason."""
    FAILS_FOR_GOOD = "fails_for_good"
    """Ends in `error_deleting`, which only an administrator can leave."""
    HANGS = "hangs"
    """Stays `deleting`."""


class BackupFields(TypedDict, total=False):
    """What can be said of a backup when it is added or changed; all of it has a default."""

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
    """A row of the cloud's table. Times are UTC."""

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
    """The backup this one is an increment of: no answer shows it, yet it can not go before this one."""
    is_incremental: bool = False
    snapshot_id: str | None = None
    service_metadata: str = ' {"bootable": false, "Type": 0}'
    """VBS only: JSON in a text that begins with a space."""
    delete_seconds: float | None = None
    """Instead of the cloud's own figure."""
    driver: Driver = Driver.DELETES
    cbr: Mapping[str, Any] = field(default_factory=dict)
    """What only CBR shows: `resource_type`, `part_of`, `image_ids`, `auto_trigger`, `expired_at`."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """Values that answers show instead of the true ones: a null, an unreadable time, another id."""
    hidden: list[str] = field(default_factory=list)
    """Fields that answers leave out."""

    @property
    def key(self) -> tuple[datetime, str]:
        """Its place in a list, which runs from the last to the first."""
        return (self.created_at, self.id)
