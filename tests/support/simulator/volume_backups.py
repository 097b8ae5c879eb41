"""The backup API of Cinder 29, and of VBS under /v2, with the same order of checks and the same response bytes."""

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
class RequestContext:
    """An authenticated call, and what is needed to answer it."""

    cloud: Cloud
    request: Request
    route: Route
    token: Token
    call: Call
    microversion: Microversion

    @property
    def version_text(self) -> str:
        """The microversion as in the header."""
        return ".".join(map(str, self.microversion))

    @property
    def view(self) -> View:
        """How backups are shown to this caller."""
        return View(
            base=self.cloud.settings.links_base or self.cloud.url,
            version=self.route.version,
            project_in_url=self.route.project_id,
            microversion=self.microversion,
            for_administrator=self.token.is_administrator,
        )

    def sees(self, record: BackupRecord) -> bool:
        """Return whether the caller may access a backup: an administrator may access all (measured)."""
        return self.token.is_administrator or record.project_id == _project_of(self.token)

    def check_project(self) -> None:
        """Raise a Refusal if the URL contains another project than that of the token."""
        if self.route.project_id not in (None, _project_of(self.token)):
            raise Refusal(400, "Malformed request url")

    def find(self) -> BackupRecord:
        """Return the backup in the URL, if the caller may access it."""
        backup_id = self.route.backup_id or ""
        record = self.cloud.backups.get(backup_id)
        if record is None or not self.sees(record):
            raise Refusal(404, f"Backup {backup_id} could not be found.")
        self.need_role("backup:get", "reader")
        return record

    def need_role(self, policy: str, role: str) -> None:
        """Raise a Refusal, worded as in Cinder, if the caller lacks this role."""
        if role not in self.token.roles:
            raise Refusal(403, f"Policy doesn't allow {policy} to be performed.")


def handle(cloud: Cloud, request: Request, route: Route, call: Call) -> Answer:
    """Answer a call to the volume service: check the token, then the path, the version and the project."""
    if request.path == "/":
        return versions(cloud, 300)
    if not request.path.startswith(("/v3/", "/v2/") if cloud.settings.serves_v2 else "/v3/"):
        return not_served()
    with cloud.lock:
        cloud.settle()
        token = _authenticate(cloud, request, call)
        if isinstance(token, Answer):
            return token
        if (limited := _rate_limited(cloud, token, request.method)) is not None:
            return limited
        if route.service == "nowhere":
            return not_served()
        if route.service == "versions":
            return versions(cloud, 200)
        return _run_operation(cloud, request, route, token, call)


def _authenticate(cloud: Cloud, request: Request, call: Call) -> Token | Answer:
    if gateway.is_signed(request):
        return gateway.authenticate(cloud, request, call)
    return cloud.identity.valid_token(request.header("X-Auth-Token"), cloud.now()) or unauthenticated(cloud)


def _run_operation(cloud: Cloud, request: Request, route: Route, token: Token, call: Call) -> Answer:
    asked = asked_version(request.header("OpenStack-API-Version"), route.version)
    try:
        microversion = read_microversion(asked)
        context = RequestContext(
            cloud=cloud, request=request, route=route, token=token, call=call, microversion=microversion
        )
        context.check_project()
        return _OPERATIONS[route.operation](context)
    except Refusal as refusal:
        return refused(refusal.status, str(refusal), asked)


def _show(context: RequestContext) -> Answer:
    record = context.find()
    has_children = context.cloud.backups.has_children(record.id)
    return ok({"backup": context.view.detail(record, has_children=has_children)}, context.version_text)


def _list(context: RequestContext) -> Answer:
    context.need_role("backup:get_all", "reader")
    cloud, query = context.cloud, context.request.query
    limit = cloud.settings.page_limit
    sees = context.sees if _wants_all_projects(context) else _owned_by(_project_of(context.token))
    try:
        page_query = paging.read_query(
            query,
            page_limit=limit,
            microversion=context.microversion,
            is_administrator=context.token.is_administrator,
        )
        page = paging.select(cloud.backups, page_query, sees)
    except paging.BadQuery as error:
        raise Refusal(400, str(error)) from None
    except paging.NoSuchMarker as error:
        raise Refusal(404, f"Backup {error} could not be found.") from None
    view = context.view
    if context.route.with_details:
        rows = [view.detail(record, has_children=cloud.backups.has_children(record.id)) for record in page]
    else:
        rows = [view.summary(record) for record in page]
    body: dict[str, object] = {"backups": rows}
    if paging.is_full(query, limit, len(page)):
        place = "backups/detail" if context.route.with_details else "backups"
        href = f"{view.self_link(place)}?{paging.next_query(query, page[-1])}"
        body["backups_links"] = [{"rel": "next", "href": href}]
    if context.microversion >= COUNT_FROM and dict(query).get("with_count", "").lower() in ("1", "true"):
        body["count"] = paging.count(cloud.backups, page_query, sees)
    return ok(body, context.version_text)


def _create(context: RequestContext) -> Answer:
    """Create a backup of any volume ID: there are no volumes. VBS returns a job, Cinder the backup."""
    context.need_role("backup:create", "member")
    asked = json.loads(context.request.body)["backup"]
    record = context.cloud.accept_create(
        volume_id=asked["volume_id"], name=asked["name"], project_id=_project_of(context.token) or ""
    )
    if context.request.path.endswith("/cloudbackups"):
        return ok({"job_id": context.cloud.new_id()}, context.version_text)
    return ok({"backup": context.view.summary(record)}, context.version_text, status=202)


def _delete(context: RequestContext) -> Answer:
    record = context.find()
    context.need_role("backup:delete", "member")
    if record.status not in DELETABLE:
        raise Refusal(400, WRONG_STATE)
    return _start_deletion(context, record)


def _act(context: RequestContext) -> Answer:
    try:
        actions = json.loads(context.request.body)
    except (ValueError, RecursionError):
        raise Refusal(400, "The server could not comply with the request since it is malformed.") from None
    if not isinstance(actions, dict) or "os-force_delete" not in actions:
        raise Refusal(400, "There is no such action.")
    record = context.find()
    context.need_role(FORCE_POLICY, "admin")
    return _start_deletion(context, record)


def _start_deletion(context: RequestContext, record: BackupRecord) -> Answer:
    cloud = context.cloud
    if cloud.settings.children_block and cloud.backups.has_children(record.id):
        raise Refusal(400, HAS_CHILDREN)
    if not cloud.service_is_up:
        raise Refusal(404, "Service cinder-backup could not be found.")
    cloud.accept_delete(record, context.token, context.call)
    return accepted(context.version_text)


_OPERATIONS: dict[Operation, Callable[[RequestContext], Answer]] = {
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


def _wants_all_projects(context: RequestContext) -> bool:
    return context.token.is_administrator and dict(context.request.query).get("all_tenants", "").lower() in (
        "1",
        "true",
    )


def _rate_limited(cloud: Cloud, token: Token, method: str) -> Answer | None:
    limit = cloud.rate_limit
    wait_s = limit.wait_s(token.user.name, method, cloud.now()) if limit else 0.0
    if limit is None or wait_s <= 0:
        return None
    return too_many_for_cinder(limit, method, wait_s) if limit.form is LimitForm.CINDER else too_many_for_gateway(limit)
