"""A backup record as documented, and for each field values of another JSON type."""

from typing import Any

RECORD: dict[str, Any] = {
    "id": "11111111-2222-4333-8444-555555555555",
    "volume_id": "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31",
    "status": "available",
    "created_at": "2026-11-20T02:00:00.000000",
    "updated_at": "2026-11-20T02:10:00.000000",
    "name": "daily",
    "description": None,
    "metadata": {"a": "1"},
    "size": 10,
    "is_incremental": False,
    "fail_reason": None,
    "service_metadata": '{"ST": 0}',
    "os-bak-tenant-attr:tenant_id": "5a1e0c7b9d3f4826a0b4c6d8e2f01357",
    "os-backup-project-attr:project_id": "5a1e0c7b9d3f4826a0b4c6d8e2f01357",
    "unknown": [1],
}
ODD: dict[str, list[Any]] = {
    "volume_id": [5, True, {}, []],
    "status": [5, ["available"], {"now": "available"}],
    "created_at": [1_700_000_000, 1.5, {}],
    "updated_at": [1_700_000_000, False],
    "name": [5, ["[hold]"], {}],
    "description": [["x"], {"DESC": "[hold]"}, 0],
    "metadata": [[], "hold", 5, [{"key": "hold"}]],
    "size": ["10", [], True],
    "is_incremental": ["false", 0],
    "fail_reason": [{"code": 1}, 5],
    "service_metadata": [{"ST": 1}, 1],
    "os-bak-tenant-attr:tenant_id": [7, ["x"], {}],
    "os-backup-project-attr:project_id": [7, False],
}
CASES = [(field, value) for field, values in ODD.items() for value in values]
