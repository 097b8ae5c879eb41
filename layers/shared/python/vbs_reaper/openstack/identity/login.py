"""One login at Keystone by keystoneauth1: a token, its project and the endpoint; or the answer that names why not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Final

from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity.v3 import ApplicationCredential
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.endpoint import EndpointUnusable
from vbs_reaper.openstack.endpoint import is_project_id
from vbs_reaper.openstack.exchange import CallFailed
from vbs_reaper.openstack.identity.catalogue import find_endpoint
from vbs_reaper.openstack.identity.login_answer import name_login_answer
from vbs_reaper.openstack.identity.login_answer import name_login_failure
from vbs_reaper.openstack.secret import Secret

if TYPE_CHECKING:
    from datetime import datetime

    from keystoneauth1.access import AccessInfoV3

    from vbs_reaper.openstack.endpoint import ApiVersion
    from vbs_reaper.openstack.target import Target
    from vbs_reaper.openstack.transport import Transport

LOGIN_BYTES: Final = 1024 * 1024
"""The most of a login's answer that is read: a token with its catalogue."""

USER_AGENT: Final = "vbs-reaper"

_NO_TOKEN: Final = (
    ClientException,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What comes of reading as a token what is none. OverflowError: an end in the year 9999, west of Greenwich."""

_TOKEN: Final = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Login:
    """What a login has brought: everything a call to the backup service needs."""

    token: Secret
    project_id: ProjectId
    root: str
    """The service's address, without version and project."""
    api_version: ApiVersion
    view: TargetView
    transport: Transport
    renew_at: datetime
    """From when on it is to be replaced, by our own clock."""
    roles: tuple[str, ...] = ()
    """The names of its roles, as the cloud spells them."""


def log_in(name: str, target: Target, transport: Transport, now: datetime) -> tuple[Login | Answer, str]:
    """Send one login, on a connection of its own: so it is never sent twice. Also returns the metrics' status code.

    Nothing of Keystone's own words gets into an answer: when it refuses a request it may quote what was sent.
    """
    access = None
    with transport.exchange(body_limit=LOGIN_BYTES, on_fresh_connection=True) as exchange:
        try:
            access = _plugin(target).get_auth_ref(
                Session(session=transport.session, redirect=False, user_agent=USER_AGENT)
            )
        except CallFailed as failed:
            return name_login_failure(name, target, failed, now), failed.status_code
        except _NO_TOKEN:
            pass  # the reply tells what it was
    reply = exchange.reply
    if reply is None:
        lost = exchange.lost()
        return name_login_failure(name, target, lost, now), lost.status_code
    if reply.broken is not None:
        return name_login_failure(name, target, reply.broken, now), reply.broken.status_code
    if access is None or reply.status not in (200, 201):
        return name_login_answer(name, target, reply, now), str(reply.status)
    try:
        return _read_access(name, target, access, transport, now), str(reply.status)
    except _NO_TOKEN:
        return name_login_answer(name, target, reply, now), str(reply.status)


def _plugin(target: Target) -> Password | ApplicationCredential:
    auth = target.auth
    if target.uses_application_credential:
        return ApplicationCredential(
            auth.auth_url,
            application_credential_id=auth.application_credential_id,
            application_credential_secret=auth.application_credential_secret.reveal(),
        )
    # Where a project is named without its domain, it is the user's: so public clouds write their examples.
    needs_domain = not (auth.project_id or auth.project_domain_name or auth.project_domain_id)
    return Password(
        auth.auth_url,
        username=auth.username,
        password=auth.password.reveal(),
        user_domain_name=auth.user_domain_name or None,
        user_domain_id=auth.user_domain_id or None,
        project_id=auth.project_id or None,
        project_name=auth.project_name if not auth.project_id else None,
        project_domain_name=auth.project_domain_name or (auth.user_domain_name if needs_domain else None) or None,
        project_domain_id=auth.project_domain_id or (auth.user_domain_id if needs_domain else None) or None,
    )


def _read_access(
    name: str, target: Target, access: AccessInfoV3, transport: Transport, now: datetime
) -> Login | Answer:
    if not _TOKEN.fullmatch(access.auth_token or ""):
        raise ValueError("the token cannot be sent as a header")
    project_id = access.project_id or ""
    mismatch = _project_fault(target, project_id, access.project_name)
    if mismatch:
        return Answer(name=AnswerName.TOKEN_PROJECT_MISMATCH, message=f'target "{name}": {mismatch}', at=now)
    if not access.role_names:
        raise ValueError("a token without roles: whether it is an administrator's cannot be known")
    if not target.allow_admin and any(role.strip().casefold() == "admin" for role in access.role_names):
        return Answer(
            name=AnswerName.ADMINISTRATOR,
            message=f'target "{name}": its user has the role admin, which reaches the backups of other projects',
            at=now,
        )
    try:
        root = find_endpoint(target, access.service_catalog, project_id)
    except EndpointUnusable as unusable:
        return Answer(name=AnswerName.WRONG_ENDPOINT, message=f'target "{name}": {unusable}', at=now)
    return Login(
        token=Secret(access.auth_token or ""),
        project_id=ProjectId(project_id),
        root=root,
        api_version=target.api_version,
        view=TargetView(
            project_id=ProjectId(project_id),
            hold_marker=target.hold_marker,
            shows_metadata=target.api_version == "v3",
            service=target.service,
            address=root,
        ),
        transport=transport,
        renew_at=now + _useful_life(access),
        roles=tuple(access.role_names),
    )


def _project_fault(target: Target, project_id: str, project_name: str | None) -> str | None:
    auth = target.auth
    if not is_project_id(project_id):
        return "its token is for no project; name one in the secret"
    if auth.project_id and auth.project_id != project_id:
        return f"its token is for project {project_id}, its secret names {auth.project_id}"
    if auth.project_name and not auth.project_id and auth.project_name != project_name:
        return f'its token is for project {project_id}, which has another name than "auth.project_name" in its secret'
    return None


def _useful_life(access: AccessInfoV3) -> timedelta:
    """80 % of a token's life or until 10 min before its end, whichever is shorter; but half of it at the least.

    A life is a difference of the cloud's own times, so a clock that is off on either side does not matter.
    """
    expires, issued = access.expires, access.issued
    if expires is None or issued is None:
        raise ValueError("the token has no times")
    life = expires.astimezone(UTC) - issued.astimezone(UTC)
    if life <= timedelta():
        raise ValueError("the token has no life")
    return max(life / 2, min(life * 0.8, life - timedelta(minutes=10)))
