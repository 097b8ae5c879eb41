"""Cloud Backup and Recovery (CBR) under /cbr/v3, written from its documents; no real service was measured.

There are two flavours: Open Telekom Cloud and Huawei Cloud. `tests/contract/test_cbr.py` lists the assumptions.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from tests.support.simulator import gateway
from tests.support.simulator.backups.answers import too_many_for_gateway
from tests.support.simulator.backups.record import DELETABLE, BackupRecord
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.exchange import Answer, Request, json_answer, new_request_id
from tests.support.simulator.identity import Token
from tests.support.simulator.journal import GONE, Call, Operation, StateChange
from tests.support.simulator.routes import Route

VOLUME = "OS::Cinder::Volume"
LIMIT = 1000
FILTERS = ("resource_id", "resource_type", "vault_id", "status", "parent_id", "name")
NAMES_OF_UUIDS = UUID("3f6c1e0a-7d52-4b6e-9a44-0d2f6c7b8e90")
DISK_PROVIDER = "d1603440-187d-4516-af25-121250c7cc97"
SERVER_PROVIDER = "0daac4c5-6707-4851-97ba-169e36266b66"
UNKNOWN = (404, "BackupService.6200", "The backup does not exist.")
UNKNOWN_TO_DELETE = (400, "CSBS.3001", "The backup does not exist.")


class Refusal(Exception):
    """Causes an error response with `error_code` and `error_msg`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def error(status: int, code: str, message: str, *, by_gateway: bool = False) -> Answer:
    """Return an error response. One by the gateway in front of the service also has a request ID."""
    body = {"error_code": code, "error_msg": message}
    return json_answer(status, body | ({"request_id": new_request_id()} if by_gateway else {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestContext:
    """An authenticated call, and what is needed to answer it."""

    cloud: Cloud
    request: Request
    route: Route
    token: Token
    call: Call

    @property
    def is_huawei(self) -> bool:
        return self.cloud.settings.cbr_flavour == "huawei"

    def need(self, action: str, role: str) -> None:
        """Raise a Refusal if the policy of the caller does not allow the action."""
        if role not in self.token.roles or action in self.cloud.settings.cbr_denied:
            raise Refusal(403, "BackupService.8601", f"Policy doesn't allow cbr:{action} to be performed.")

    def find(self) -> BackupRecord:
        record = self.cloud.backups.get(self.route.backup_id or "")
        if record is None or record.project_id != self.route.project_id:
            by_delete = self.call.operation is Operation.DELETE
            raise Refusal(*(UNKNOWN_TO_DELETE if self.is_huawei and by_delete else UNKNOWN))
        return record

    def wants(self, name: str) -> str | None:
        """Return the value of a filter, unless `cbr_ignores` contains it."""
        return None if name in self.cloud.settings.cbr_ignores else dict(self.request.query).get(name)

    def number(self, name: str, default: int, lowest: int) -> int:
        text = dict(self.request.query).get(name, str(default))
        if not text.isdigit() or not lowest <= int(text) <= (LIMIT if name == "limit" else 10**9):
            raise Refusal(400, "BackupService.9900", "Parameter verification failed.")
        return int(text)


def handle(cloud: Cloud, request: Request, route: Route, call: Call) -> Answer:
    """Answer a call under /cbr: check the token, then the project, then run the operation."""
    with cloud.lock:
        cloud.settle()
        token: Token | Answer | None = (
            gateway.authenticate(cloud, request, call)
            if gateway.is_signed(request)
            else cloud.identity.valid_token(request.header("X-Auth-Token"), cloud.now())
        )
        if isinstance(token, Answer):
            return token
        if token is None or token.project is None:
            message = "Incorrect IAM authentication information: token expires or is invalid"
            return error(401, "APIGW.0301", message, by_gateway=True)
        limit = cloud.rate_limit
        if limit is not None and limit.wait_s(token.user.name, request.method, cloud.now()) > 0:
            return too_many_for_gateway(limit)
        if route.operation not in _OPERATIONS:
            return error(404, "APIGW.0101", "The API does not exist or has not been published.", by_gateway=True)
        if route.project_id != token.project.id:
            return json_answer(401, {"unauthorized": {"code": "401", "message": "Malformed request url"}})
        try:
            context = RequestContext(cloud=cloud, request=request, route=route, token=token, call=call)
            return _OPERATIONS[route.operation](context)
        except Refusal as refusal:
            return error(refusal.status, refusal.code, str(refusal))


def _show(context: RequestContext) -> Answer:
    context.need("backups:get", "reader")
    return json_answer(200, {"backup": _view(context, context.find())})


def _list(context: RequestContext) -> Answer:
    context.need("backups:list", "reader")
    limit, offset = context.number("limit", LIMIT, 1), context.number("offset", 0, 0)
    rows = [_view(context, record) for record in context.cloud.backups if record.project_id == context.route.project_id]
    for name in FILTERS:
        wanted = context.wants(name)
        rows = [row for row in rows if wanted in (None, row.get(name))]
    key, _, direction = dict(context.request.query).get("sort", "created_at:desc").partition(":")
    rows.sort(key=lambda row: str(row.get(key)), reverse=direction != "asc")
    page = rows[offset : offset + min(limit, context.cloud.settings.page_limit)]
    return json_answer(200, {"backups": page, "count": len(rows), "offset": offset, "limit": limit})


def _delete(context: RequestContext) -> Answer:
    context.need("backups:delete", "member")
    record, settings = context.find(), context.cloud.settings
    if not context.cloud.service_is_up:
        raise Refusal(500, "BackupService.9999", "System error.")
    if settings.cbr_vault_status in {"deleting", "lock", "frozen"}:
        raise Refusal(400, "BackupService.6112", "Invalid vault status.")
    if record.cbr.get("image_ids"):
        raise Refusal(400, "BackupService.6204", "The backup has been used to create an image.")
    if settings.cbr_vault_locked and record.cbr.get("auto_trigger"):
        raise Refusal(400, "BackupService.6220", "Automatic backups in locked vaults cannot be manually deleted.")
    if record.status not in DELETABLE:
        raise Refusal(400, "BackupService.6201", "The backup cannot be deleted.")
    context.cloud.accept_delete(record, context.token, context.call)
    return Answer(status=204, headers=[("Content-Type", "application/json")])


def _tasks(context: RequestContext) -> Answer:
    context.need("tasks:list", "reader")
    limit, offset = context.number("limit", LIMIT, 1), context.number("offset", 0, 0)
    rows = [task for task in _deletions(context.cloud) if task["project_id"] == context.route.project_id]
    resource_id = context.wants("resource_id")
    rows = [row for row in rows if resource_id in (None, row.pop("resource_id"))]
    if context.wants("operation_type") not in (None, "delete"):
        rows = []
    rows.sort(key=lambda row: str(row["started_at"]), reverse=True)
    page = rows[offset : offset + limit]
    return json_answer(200, {"operation_logs": page, "count": len(rows), "offset": offset, "limit": limit})


def _create(context: RequestContext) -> Answer:
    """Back up one resource of the vault. The response contains the restore point, not the backup."""
    context.need("vaults:backup", "member")
    asked = json.loads(context.request.body)["checkpoint"]
    (volume_id,) = asked["parameters"]["resources"]
    record = context.cloud.accept_create(
        volume_id=volume_id, name=asked["parameters"]["name"], project_id=context.route.project_id or ""
    )
    if asked["vault_id"] != vault_of(record):
        raise Refusal(404, "BackupService.6105", "The vault does not exist.")
    resources = [{"id": volume_id, "type": VOLUME, "name": "volume", "protect_status": "available"}]
    vault = {"id": vault_of(record), "name": "default", "resources": resources, "skipped_resources": []}
    checkpoint = {"id": checkpoint_of(record), "status": "protecting", "project_id": record.project_id}
    return json_answer(200, {"checkpoint": checkpoint | {"created_at": _micros(record.created_at), "vault": vault}})


def _vaults(context: RequestContext) -> Answer:
    """Return the only vault, which contains every volume."""
    context.need("vaults:list", "reader")
    project_id = context.route.project_id or ""
    volumes = {record.volume_id for record in context.cloud.backups if record.project_id == project_id}
    asked = dict(context.request.query).get("resource_ids")
    resources = [{"id": each, "type": VOLUME} for each in sorted(volumes | ({asked} if asked else set()))]
    vault = {"id": _default_vault(project_id), "name": "default", "resources": resources}
    return json_answer(200, {"vaults": [vault], "count": 1})


_OPERATIONS: dict[Operation, Callable[[RequestContext], Answer]] = {
    Operation.SHOW: _show,
    Operation.LIST: _list,
    Operation.DELETE: _delete,
    Operation.TASKS: _tasks,
    Operation.CREATE: _create,
    Operation.VAULTS: _vaults,
}


def _deletions(cloud: Cloud) -> Iterable[dict[str, Any]]:
    """Yield a task for every deletion of the last `cbr_log_days`."""
    oldest = cloud.now() - timedelta(days=cloud.settings.cbr_log_days)
    for backup_id, changes in list(cloud.journal.histories.items()):
        record = cloud.backups.get(backup_id) or cloud.backups.removed.get(backup_id)
        if record is None:
            continue
        for before, after in zip(changes, [*changes[1:], None], strict=True):
            is_removed = after is not None and after.status == GONE
            if (before.status == "deleting" or is_removed) and before.at >= oldest:
                yield _task(record, before.at, after)


def _task(record: BackupRecord, began: datetime, end: StateChange | None) -> dict[str, Any]:
    status = "running" if end is None else "success" if end.status == GONE else "failed"
    failure = {"code": "BackupService.6201", "message": record.fail_reason or ""} if status == "failed" else {}
    return {
        "id": str(uuid5(NAMES_OF_UUIDS, f"{record.id} {began}")),
        "operation_type": "delete",
        "status": status,
        "project_id": record.project_id,
        "resource_id": record.volume_id,
        "vault_id": vault_of(record),
        "created_at": _zulu(began),
        "started_at": _zulu(began),
        "ended_at": end and _zulu(end.at),
        "error_info": failure or {"code": "", "message": ""},
        "extra_info": {
            "common": {"progress": 100 if end else 0, "request_id": new_request_id(), "task_id": ""},
            "delete": {"backup_id": record.id, "backup_name": record.name},
        },
    }


def vault_of(record: BackupRecord) -> str:
    """Return the default vault of the project of a backup."""
    return _default_vault(record.project_id)


def _default_vault(project_id: str) -> str:
    return str(uuid5(NAMES_OF_UUIDS, project_id))


def checkpoint_of(record: BackupRecord) -> str:
    """Return the restore point of a backup."""
    return str(uuid5(NAMES_OF_UUIDS, record.id))


def _view(context: RequestContext, record: BackupRecord) -> dict[str, Any]:
    cbr, written = record.cbr, _micros if context.is_huawei else _with_zone
    images = cbr.get("image_ids")
    row: dict[str, Any] = {
        "id": record.id,
        "name": record.name,
        "description": record.description or "",
        "project_id": record.project_id,
        "vault_id": vault_of(record),
        "checkpoint_id": checkpoint_of(record),
        "provider_id": DISK_PROVIDER if cbr.get("resource_type", VOLUME) == VOLUME else SERVER_PROVIDER,
        "status": _status(context.cloud, record),
        "created_at": written(record.created_at),
        "updated_at": written(record.updated_at or record.created_at),
        "protected_at": None,
        "expired_at": cbr.get("expired_at"),
        "image_type": "backup",
        "parent_id": cbr.get("part_of"),
        "children": [],
        "resource_id": record.volume_id,
        "resource_name": "volume",
        "resource_az": context.cloud.settings.region + "-01",
        "resource_size": record.size,
        "resource_type": cbr.get("resource_type", VOLUME),
        "extend_info": {
            "auto_trigger": cbr.get("auto_trigger", False),
            "bootable": False,
            "incremental": record.is_incremental,
            "encrypted": False,
            "system_disk": False,
            "snapshot_id": record.snapshot_id,
            "support_lld": True,
            "supported_restore_mode": "na",
            "os_images_data": None if images is None else [{"image_id": image} for image in images],
        },
    }
    if context.is_huawei:
        row |= {"incremental": record.is_incremental, "version": 0, "replication_records": []}
        row |= {"enterprise_project_id": "0"}
        row["extend_info"] |= {"progress": 100, "is_multi_az": False, "app_consistency": {"app_consistency": "0"}}
    row |= record.shown
    return {name: value for name, value in row.items() if name not in record.hidden}


def _status(cloud: Cloud, record: BackupRecord) -> str:
    """Return the status in CBR: `waiting_delete` in the first half, because CBR runs five of a user at once."""
    words = {"creating": "protecting", "error_deleting": "error"}
    if record.status != "deleting":
        return words.get(record.status, record.status)
    seconds = cloud.settings.delete_seconds if record.delete_seconds is None else record.delete_seconds
    waited = cloud.now() - (record.updated_at or record.created_at)
    return "waiting_delete" if waited < timedelta(seconds=seconds / 2) else "deleting"


def _with_zone(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}+00:00"


def _micros(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _zulu(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
