"""The backup API of Cinder 29, and of VBS under /v2: its checks in its order, its answers byte for byte."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.simulator import gateway
from tests.support.simulator.backups import paging
from tests.support.simulator.backups.answers import (
    accepted,
    not_served,
    ok,
    refused,
    too_many_for_cinder,
    too_many_for_gateway,
    unauthenticated,
    versions,
)
from tests.support.simulator.backups.microversion import Microversion, asked_version, read_microversion
from tests.support.simulator.backups.rate_limit import LimitForm
from tests.support.simulator.backups.record import DELETABLE, BackupRecord
from tests.support.simulator.backups.refusal import Refusal
from tests.support.simulator.backups.view import View
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.exchange import Answer, Request
from tests.support.simulator.identity import Token
from tests.support.simulator.journal import Call, Operation
from tests.support.simulator.routes import Route

COUNT_FROM: Microversion = (3, 45)
WRONG_STATE = "Invalid backup: Backup status must be available or error"
HAS_CHILDREN = "Invalid backup: Incremental backups exist for this backup."
FORCE_POLICY = "volume_extension:backup_admin_actions:force_delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One call of somebody who showed a good token."""

    cloud: Cloud
    request: Request
    route: Route
    token: Token
    call: Call
    microversion: Microversion

    @property
    def version_text(self) -> str:
        """As the header names it."""
        return ".".join(map(str, self.microversion))

    @property
    def view(self) -> View:
        """How this caller sees backups."""
        return View(
            base=self.cloud.settings.links_base or self.cloud.url,
            version=self.route.version,
            project_in_url=self.route.project_id,
            microversion=self.microversion,
            for_administrator=self.token.is_administrator,
        )

    def sees(self, record: BackupRecord) -> bool:
        """An administrator reaches everybody's backups (measured)."""
        return self.token.is_administrator or record.project_id == _project_of(self.token)

    def check_project(self) -> None:
        """Refuse a URL that names another project than the token's."""
        if self.route.project_id not in (None, _project_of(self.token)):
            raise Refusal(400, "Malformed request url")

    def find(self) -> BackupRecord:
        """The backup the URL names, if this caller may know of it."""
        backup_id = self.route.backup_id or ""
        record = self.cloud.backups.get(backup_id)
        if record is None or not self.sees(record):
            raise Refusal(404, f"Backup {backup_id} could not be found.")
        self.need_role("backup:get", "reader")
        return record

    def need_role(self, policy: str, role: str) -> None:
        """Refuse callers without this role in the words of Cinder's policies."""
        if role not in self.token.roles:
            raise Refusal(403, f"Policy doesn't allow {policy} to be performed.")


def handle(cloud: Cloud, request: Request, route: Route, call: Call) -> Answer:
    """Answer a call to the volume service, whatever its path: token first, then path, version, project."""
    if request.path == "/":
        return versions(cloud, 300)
    if not request.path.startswith(("/v3/", "/v2/") if cloud.settings.serves_v2 else "/v3/"):
        return not_served()
    with cloud.lock:
        cloud.settle()
        token = _who_calls(cloud, request, call)
        if isinstance(token, Answer):
            return token
        if (limited := _rate_limited(cloud, token, request.method)) is not None:
            return limited
        if route.service == "nowhere":
            return not_served()
        if route.service == "versions":
            return versions(cloud, 200)
        return _visit(cloud, request, route, token, call)


def _who_calls(cloud: Cloud, request: Request, call: Call) -> Token | Answer:
    if gateway.is_signed(request):
        return gateway.let_in(cloud, request, call)
    return cloud.identity.good_token(request.header("X-Auth-Token"), cloud.now()) or unauthenticated(cloud)


def _visit(cloud: Cloud, request: Request, route: Route, token: Token, call: Call) -> Answer:
    asked = asked_version(request.header("OpenStack-API-Version"), route.version)
    try:
        microversion = read_microversion(asked)
        visit = Visit(cloud=cloud, request=request, route=route, token=token, call=call, microversion=microversion)
        visit.check_project()
        return _OPERATIONS[route.operation](visit)
    except Refusal as refusal:
        return refused(refusal.status, str(refusal), asked)


def _show(visit: Visit) -> Answer:
    record = visit.find()
    has_children = visit.cloud.backups.has_children(record.id)
    return ok({"backup": visit.view.detail(record, has_children=has_children)}, visit.version_text)


def _list(visit: Visit) -> Answer:
    visit.need_role("backup:get_all", "reader")
    cloud, query = visit.cloud, visit.request.query
    limit = cloud.settings.page_limit
    sees = visit.sees if _wants_all_projects(visit) else _owned_by(_project_of(visit.token))
    try:
        page_query = paging.read_query(
            query,
            page_limit=limit,
            microversion=visit.microversion,
            is_administrator=visit.token.is_administrator,
        )
        page = paging.select(cloud.backups, page_query, sees)
    except paging.BadQuery as error:
        raise Refusal(400, str(error)) from None
    except paging.NoSuchMarker as error:
        raise Refusal(404, f"Backup {error} could not be found.") from None
    view = visit.view
    if visit.route.with_details:
        rows = [view.detail(record, has_children=cloud.backups.has_children(record.id)) for record in page]
    else:
        rows = [view.summary(record) for record in page]
    body: dict[str, object] = {"backups": rows}
    if paging.is_full(query, limit, len(page)):
        place = "backups/detail" if visit.route.with_details else "backups"
        href = f"{view.self_link(place)}?{paging.next_query(query, page[-1])}"
        body["backups_links"] = [{"rel": "next", "href": href}]
    if visit.microversion >= COUNT_FROM and dict(query).get("with_count", "").lower() in ("1", "true"):
        body["count"] = paging.count(cloud.backups, page_query, sees)
    return ok(body, visit.version_text)


def _create(visit: Visit) -> Answer:
    """Of any volume, because there are no volumes here. VBS names a job, Cinder the backup."""
    visit.need_role("backup:create", "member")
    asked = json.loads(visit.request.body)["backup"]
    record = visit.cloud.accept_create(
        volume_id=asked["volume_id"], name=asked["name"], project_id=_project_of(visit.token) or ""
    )
    if visit.request.path.endswith("/cloudbackups"):
        return ok({"job_id": visit.cloud.new_id()}, visit.version_text)
    return ok({"backup": visit.view.summary(record)}, visit.version_text, status=202)


def _delete(visit: Visit) -> Answer:
    record = visit.find()
    visit.need_role("backup:delete", "member")
    if record.status not in DELETABLE:
        raise Refusal(400, WRONG_STATE)
    return _start_deletion(visit, record)


def _act(visit: Visit) -> Answer:
    try:
        actions = json.loads(visit.request.body)
    except (ValueError, RecursionError):
        raise Refusal(400, "The server could not comply with the request since it is malformed.") from None
    if not isinstance(actions, dict) or "os-force_delete" not in actions:
        raise Refusal(400, "There is no such action.")
    record = visit.find()
    visit.need_role(FORCE_POLICY, "admin")
    return _start_deletion(visit, record)


def _start_deletion(visit: Visit, record: BackupRecord) -> Answer:
    cloud = visit.cloud
    if cloud.settings.children_block and cloud.backups.has_children(record.id):
        raise Refusal(400, HAS_CHILDREN)
    if not cloud.service_is_up:
        raise Refusal(404, "Service cinder-backup could not be found.")
    cloud.accept_delete(record, visit.token, visit.call)
    return accepted(visit.version_text)


_OPERATIONS: dict[Operation, Callable[[Visit], Answer]] = {
    Operation.SHOW: _show,
    Operation.LIST: _list,
    Operation.CREATE: _create,
    Operation.DELETE: _delete,
    Operation.ACTION: _act,
}


def _project_of(token: Token) -> str | None:
    return token.project.id if token.project else None


def _owned_by(project_id: str | None) -> Callable[[BackupRecord], bool]:
    return lambda record: record.project_id == project_id


def _wants_all_projects(visit: Visit) -> bool:
    return visit.token.is_administrator and dict(visit.request.query).get("all_tenants", "").lower() in ("1", "true")


def _rate_limited(cloud: Cloud, token: Token, method: str) -> Answer | None:
    limit = cloud.rate_limit
    wait_s = limit.wait_s(token.user.name, method, cloud.now()) if limit else 0.0
    if limit is None or wait_s <= 0:
        return None
    return too_many_for_cinder(limit, method, wait_s) if limit.form is LimitForm.CINDER else too_many_for_gateway(limit)
