"""Backups as JSON: under v2 as in VBS, under v3 as in Cinder, depending on microversion and caller."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.simulator.backups.microversion import Microversion
from tests.support.simulator.backups.record import BackupRecord

METADATA_FROM: Microversion = (3, 43)
PROJECT_FROM: Microversion = (3, 18)
USER_FROM: Microversion = (3, 56)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Determines which fields a caller sees."""

    base: str
    """Scheme and host of the links."""
    version: str
    project_in_url: str | None
    microversion: Microversion
    for_administrator: bool

    def self_link(self, rest: str) -> str:
        """Return a link. Under /v2, links lack the project (measured)."""
        return f"{self.base}/{self.version}/{self._project}{rest}"

    def links(self, record: BackupRecord) -> list[dict[str, str]]:
        """Return the two links of a record."""
        return [
            {"rel": "self", "href": self.self_link(f"backups/{record.id}")},
            {"rel": "bookmark", "href": f"{self.base}/{self._project}backups/{record.id}"},
        ]

    def summary(self, record: BackupRecord) -> dict[str, Any]:
        """Return a row of `/backups`."""
        return _with_overrides({"id": record.id, "name": record.name, "links": self.links(record)}, record)

    def detail(self, record: BackupRecord, *, has_children: bool) -> dict[str, Any]:
        """Return a row of `/backups/detail`, which is also the content of `/backups/{id}`."""
        shown = {
            "id": record.id,
            "status": record.status,
            "size": record.size,
            "object_count": 1,
            "availability_zone": "nova",
            "container": f"{record.id[:2]}/{record.id[2:4]}/{record.id}",
            "created_at": cinder_time(record.created_at),
            "updated_at": cinder_time(record.updated_at) if record.updated_at else None,
            "name": record.name,
            "description": record.description,
            "fail_reason": record.fail_reason,
            "volume_id": record.volume_id,
            "links": self.links(record),
            "is_incremental": record.is_incremental,
            "has_dependent_backups": has_children,
            "snapshot_id": record.snapshot_id,
            "data_timestamp": cinder_time(record.created_at),
        }
        self._add_extras(shown, record)
        return _with_overrides(shown, record)

    def _add_extras(self, shown: dict[str, Any], record: BackupRecord) -> None:
        if self.version == "v2":
            shown["os-bak-tenant-attr:tenant_id"] = record.project_id
            shown["service_metadata"] = record.service_metadata
            return
        if self.microversion >= METADATA_FROM:
            shown["metadata"] = dict(record.metadata)
        if self.for_administrator and self.microversion >= PROJECT_FROM:
            shown["os-backup-project-attr:project_id"] = record.project_id
        if self.for_administrator and self.microversion >= USER_FROM:
            shown["user_id"] = record.user_id

    @property
    def _project(self) -> str:
        return f"{self.project_in_url}/" if self.project_in_url and self.version == "v3" else ""


def cinder_time(at: datetime) -> str:
    """Return a UTC time without a zone, always with six decimal places."""
    return at.replace(tzinfo=None).isoformat(timespec="microseconds")


def _with_overrides(shown: dict[str, Any], record: BackupRecord) -> dict[str, Any]:
    """Return the values after applying `shown` and `hidden` of the record."""
    shown |= record.shown
    for name in record.hidden:
        shown.pop(name, None)
    return shown
