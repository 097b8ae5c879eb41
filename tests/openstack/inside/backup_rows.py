"""Writes and reads backups of any status, age and chain in the database of Cinder."""

import datetime
import uuid
from pathlib import Path
from typing import Any

from cinder import context
from cinder.db import api as database
from oslo_config import cfg

CONF = cfg.CONF


def write(rows: list[dict[str, Any]]) -> list[str]:
    """Write rows, each with one object in the store; return their IDs in order.

    Required: `project_id`, `user_id`. `created_at` is in ISO 8601. The parent of a `parent_id` counts the dependent.
    """
    return [_write_row(dict(row)) for row in rows]


def _write_row(row: dict[str, Any]) -> str:
    backup_id = row.pop("id", None) or str(uuid.uuid4())
    created_at = _instant(row.pop("created_at", None)) or datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    container = f"{backup_id[:2]}/{backup_id[2:4]}/{backup_id}"
    values = {
        "id": backup_id,
        "volume_id": str(uuid.uuid4()),
        "status": "available",
        "size": 1,
        "object_count": 1,
        "host": CONF.host,
        "availability_zone": CONF.storage_availability_zone,
        "service": CONF.backup_driver,
        "container": container,
        "service_metadata": f"backup_{backup_id}",
        "created_at": created_at,
        "updated_at": created_at,
        "data_timestamp": created_at,
        "num_dependent_backups": 0,
    } | row
    values["updated_at"] = _instant(values["updated_at"])
    database.backup_create(context.get_admin_context(), values)
    if values.get("parent_id"):
        _count_dependent(values["parent_id"])
    _store_object(container, f"backup_{backup_id}-00001")
    return backup_id


def _count_dependent(parent_id: str) -> None:
    parent = database.backup_get(context.get_admin_context(), parent_id)
    dependents = (parent.num_dependent_backups or 0) + 1
    database.backup_update(context.get_admin_context(), parent_id, {"num_dependent_backups": dependents})


def _store_object(container: str, name: str) -> None:
    folder = Path(CONF.backup_posix_path) / container
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"content")


def read() -> dict[str, dict[str, Any]]:
    """Return all rows by ID, including deleted ones."""
    admin = context.get_admin_context(read_deleted="yes")
    return {
        row.id: {
            "status": row.status,
            "deleted": bool(row.deleted),
            "deleted_at": row.deleted_at and f"{row.deleted_at.isoformat()}Z",
            "fail_reason": row.fail_reason,
            "volume_id": row.volume_id,
            "project_id": row.project_id,
            "name": row.display_name,
        }
        for row in database.backup_get_all(admin, filters={})
    }


def update(id: str, values: dict[str, Any]) -> None:  # the name in the command
    """Change columns of a row."""
    database.backup_update(context.get_admin_context(), id, values)


def remove_all() -> None:
    """Delete all rows, so that the next test starts without backups."""
    admin = context.get_admin_context()
    for row in database.backup_get_all(admin, filters={}):
        database.backup_destroy(admin, row.id)


def _instant(value: object) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value  # type: ignore[return-value]
