"""Cloud Backup and Recovery instead of Cinder: the same state with CBR's statuses, and the lists that confirm a 404.

Written from its documents, independently of the client in the product.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tests.simulation import odd_answers
from tests.simulation.cloud import Project, Response
from tests.simulation.faults import Fault
from tests.simulation.odd_answers import Odd

if TYPE_CHECKING:
    from tests.simulation.cloud import Cloud

CBR: Final = Project("cbr", "cb" * 16, "v3", service="cbr")

NAMES: Final = {"volume_id": "resource_id", "size": "resource_size", "os-bak-tenant-attr:tenant_id": "project_id"}
UNKNOWN_TO_CBR: Final = frozenset({"is_incremental", "fail_reason", "metadata"})
STATUSES: Final = {"creating": "protecting", "restoring": "waiting_restore"}
JSON: Final = {"content-type": "application/json"}


def flat(code: str, message: str) -> bytes:
    return json.dumps({"error_code": code, "error_msg": message}).encode()


ODD: Final = odd_answers.ODD | {
    Fault.MALFORMED_URL: Odd(
        401,
        json.dumps({"unauthorized": {"code": "401", "message": "Malformed request url"}}).encode(),
        halts=True,
        is_certain=True,
    ),
    Fault.USED_BY_IMAGE: Odd(400, flat("BackupService.6204", "It has images."), refuses="used_by_image"),
    Fault.VBS_TROUBLE: Odd(400, flat("BackupService.6203", "A task is in progress.")),
    Fault.VBS_TOKEN: Odd(500, flat("BackupService.9998", "Authentication failed.")),
    Fault.LOST_OTHER: Odd(404, flat("BackupService.6105", "The vault does not exist.")),
}
"""Responses of CBR that differ from those of Cinder and VBS."""

TO_A_CONFIRMATION: Final = (
    *odd_answers.ON_THE_WIRE,
    Fault.UNAUTHORIZED,
    Fault.FORBIDDEN,
    Fault.TOO_MANY,
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.FILTER_IGNORED,
    Fault.LIST_SHORT,
)


def is_confirmation(path: str) -> bool:
    """Return whether a call can confirm that a backup is gone: the list of a volume, or the log of tasks."""
    return path.endswith(("/backups", "/operation-logs"))


def translate(response: Response) -> Response:
    """Convert a response of Cinder to one of CBR. Only records and errors change."""
    if response.status == 202:
        return replace(response, status=204)
    try:
        document = json.loads(response.body, object_pairs_hook=list)
    except ValueError:
        return response
    key, value = document[0] if isinstance(document, list) and document else ("", [])
    if key == "backup":
        record = ", ".join(f"{json.dumps(name)}: {_text(shown)}" for name, shown in _renamed(value))
        return replace(response, body=f'{{"backup": {{{record}}}}}'.encode())
    message = str(dict(value).get("message")) if key in {"itemNotFound", "badRequest"} else ""
    if message.startswith("Backup "):
        is_old_code = int(UUID(message.split()[1]).hex[-1], 16) % 2 and "age" not in response.headers
        status, code = (400, "CSBS.3001") if is_old_code else (404, "BackupService.6200")
        return replace(response, status=status, body=flat(code, "The backup does not exist."))
    if "must be available or error" in message:
        return replace(response, body=flat("BackupService.6201", "The backup cannot be deleted."))
    return response


def _renamed(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the renamed fields of a record, which may contain a duplicate."""
    shown = [(NAMES.get(name, name), value) for name, value in pairs if name not in UNKNOWN_TO_CBR]
    shown = [(name, _status_of(dict(pairs), value) if name == "status" else value) for name, value in shown]
    more: dict[str, Any] = {"project_id": CBR.project_id, "expired_at": None, "parent_id": None, "children": []}
    more |= {"resource_type": "OS::Cinder::Volume", "extend_info": {"os_images_data": None, "auto_trigger": False}}
    return [*shown, *((name, value) for name, value in more.items() if name not in dict(shown))]


def _status_of(record: dict[str, Any], status: object) -> object:
    if status == "deleting":
        return "waiting_delete" if str(record.get("id"))[-1:] in "01234567" else "deleting"
    return STATUSES.get(str(status), status) if isinstance(status, str) else status


def _text(value: object) -> str:
    """Encode as JSON; objects in a record were decoded as pairs."""
    if isinstance(value, list):
        return "[" + ", ".join(_text(each) for each in value) + "]"
    if isinstance(value, tuple):
        return json.dumps(dict([value]))
    return json.dumps(value)


def confirm(
    cloud: Cloud, path: str, query: dict[str, str], fault: Fault | None
) -> tuple[Response, Callable[[str], bool]]:
    """Return the list of a volume or the log of tasks, and a function whether it confirms that a backup is gone."""
    if path.endswith("/operation-logs"):
        return _log(cloud)
    volume_id = query.get("resource_id")
    mine = [backup for backup in cloud.backups.values() if backup.project is CBR]
    rows = [backup for backup in mine if backup.volume_id == volume_id or fault is Fault.FILTER_IGNORED]
    shown = [
        {"id": row.id, "resource_id": row.volume_id, "project_id": CBR.project_id, "status": row.status} for row in rows
    ]
    count = len(shown) + (fault is Fault.LIST_SHORT)
    response = Response(200, JSON, json.dumps({"backups": shown, "count": count}).encode())
    is_whole = count == len(rows) and all(row.volume_id == volume_id for row in rows)
    return response, lambda backup_id: is_whole and backup_id not in {row.id for row in rows}


def _log(cloud: Cloud) -> tuple[Response, Callable[[str], bool]]:
    gone = [each for each, project in cloud.history.items() if project is CBR and each not in cloud.backups]
    tasks = [
        {
            "operation_type": "delete",
            "status": "success",
            "extra_info": {"common": {}, "delete": {"backup_id": backup_id}},
            "error_info": {"code": "", "message": ""},
        }
        for backup_id in gone
    ]
    return Response(200, JSON, json.dumps({"operation_logs": tasks, "count": len(tasks)}).encode()), set(
        gone
    ).__contains__
