"""A backup as JSON, in a list and by itself, with names for values that vary."""

from typing import Any

from tests.contract.answer import CONTAINER, TIME


def links(name: str) -> list[dict[str, str]]:
    """Return the links of a backup, with the version and the project of the request."""
    return [
        {"rel": "self", "href": f"CINDER/v3/PROJECT/backups/<{name}>"},
        {"rel": "bookmark", "href": f"CINDER/PROJECT/backups/<{name}>"},
    ]


def summary(name: str) -> dict[str, Any]:
    """Return a row of `/backups`."""
    return {"id": f"<{name}>", "name": name, "links": links(name)}


def record(name: str, status: str = "available", **differs: object) -> dict[str, Any]:
    """Return a row of `/backups/detail`, or the content of `/backups/{id}`, in microversion 3.0."""
    return {
        "id": f"<{name}>",
        "status": status,
        "size": 1,
        "object_count": 1,
        "availability_zone": "nova",
        "container": CONTAINER,
        "created_at": TIME,
        "updated_at": TIME,
        "name": name,
        "description": None,
        "fail_reason": None,
        "volume_id": f"<volume of {name}>",
        "links": links(name),
        "is_incremental": False,
        "has_dependent_backups": False,
        "snapshot_id": None,
        "data_timestamp": TIME,
    } | differs
