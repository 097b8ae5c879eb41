"""One login at Keystone, by keystoneauth1: returns a token with its project and endpoint, or why there is none."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity.v3 import ApplicationCredential, Password
from keystoneauth1.session import Session

from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.backups.identifiers import ProjectId, is_project_id
from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.http.deadline import CallFailed
from vbs_reaper.clouds.http.transport import USER_AGENT
from vbs_reaper.clouds.login.catalog import find_endpoint
from vbs_reaper.clouds.login.login import Login, Token
from vbs_reaper.clouds.login.login_answer import name_login_answer, name_login_failure
from vbs_reaper.clouds.login.login_end import LoginAttempt, LoginEnd, end_of_answer, end_of_failure
from vbs_reaper.errors import InvalidEndpoint

if TYPE_CHECKING:
    from datetime import datetime

    from keystoneauth1.access import AccessInfoV3

    from vbs_reaper.clouds.http.transport import Transport
    from vbs_reaper.clouds.target import Target

LOGIN_BYTES: Final = 1024 * 1024
"""Maximum number of bytes of the response to a login: a token with its catalog."""

REJECTIONS: Final = frozenset({401, 403})
"""These statuses reject the credentials, even if the body cannot be read."""

_TOKEN_ERRORS: Final = (
    ClientException,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)
"""Errors raised when a token cannot be parsed. OverflowError: it expires in the year 9999 in a negative time zone."""

_TOKEN: Final = re.compile(r"[!-~]+", re.ASCII)


def log_in(name: str, target: Target, transport: Transport, now: datetime) -> LoginAttempt:
    """Log in once.

    The login is sent on a new connection, so it is never repeated because a kept connection was dead. Keystone's own
    words never appear in the answer: when it rejects a request, it may quote the password.
    """
    access = None
    with transport.exchange(body_limit=LOGIN_BYTES, on_fresh_connection=True) as exchange:
        try:
            access = _plugin(target).get_auth_ref(
                Session(session=transport.session, redirect=False, user_agent=USER_AGENT)
            )
        except CallFailed as failed:
            return _failed(name, target, failed, now)
        except _TOKEN_ERRORS:
            pass  # the response is classified below
    reply = exchange.reply
    if reply is None:
        return _failed(name, target, exchange.lost(), now)
    if reply.broken is not None and reply.status not in REJECTIONS:
        return _failed(name, target, reply.broken, now)
    result: Login | Answer | None = None
    if access is not None and reply.status in (200, 201):
        with suppress(*_TOKEN_ERRORS):
            result = _read_access(name, target, access, transport, now)
    if result is not None:
        return LoginAttempt(result=result, status_code=str(reply.status), end=LoginEnd.ACCEPTED)
    answer = name_login_answer(name, target, reply, now)
    return LoginAttempt(result=answer, status_code=str(reply.status), end=end_of_answer(answer))


def _failed(name: str, target: Target, failed: CallFailed, now: datetime) -> LoginAttempt:
    answer = name_login_failure(name, target, failed, now)
    return LoginAttempt(result=answer, status_code=failed.status_code, end=end_of_failure(failed))


def _plugin(target: Target) -> Password | ApplicationCredential:
    auth = target.auth
    if target.uses_application_credential:
        return ApplicationCredential(
            auth.auth_url,
            application_credential_id=auth.application_credential_id,
            application_credential_secret=auth.application_credential_secret.reveal(),
        )
    # A project without a domain is in the domain of the user, as in the examples of public clouds.
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
        raise ValueError("the token has no roles, so it may be an administrator's")
    if not target.allow_admin and any(role.strip().casefold() == "admin" for role in access.role_names):
        return Answer(
            name=AnswerName.ADMINISTRATOR,
            message=f'target "{name}": its user has the role admin, which can delete backups of other projects',
            at=now,
        )
    try:
        root = find_endpoint(target, access.service_catalog, project_id)
    except InvalidEndpoint as unusable:
        return Answer(name=AnswerName.WRONG_ENDPOINT, message=f'target "{name}": {unusable}', at=now)
    life = _lifetime(access)
    return Login(
        credentials=Token(Secret(access.auth_token or "")),
        project_id=ProjectId(project_id),
        root=root,
        api=target.api,
        info=target.describe(ProjectId(project_id), root, tuple(access.role_names)),
        transport=transport,
        renew_at=now + _renewed_after(life),
        expires_at=now + life,
    )


def _project_fault(target: Target, project_id: str, project_name: str | None) -> str | None:
    auth = target.auth
    if not is_project_id(project_id):
        return "its token has no project; name one in the secret"
    if auth.project_id and auth.project_id != project_id:
        return f"its token is for project {project_id}, its secret names {auth.project_id}"
    if auth.project_name and not auth.project_id and auth.project_name != project_name:
        return f'its token is for project {project_id}, which has another name than "auth.project_name" in its secret'
    return None


def _lifetime(access: AccessInfoV3) -> timedelta:
    """Return how long a token is valid: the difference of two of the cloud's timestamps, so skew does not matter."""
    expires, issued = access.expires, access.issued
    if expires is None or issued is None:
        raise ValueError("the token has no timestamps")
    life = expires.astimezone(UTC) - issued.astimezone(UTC)
    if life <= timedelta():
        raise ValueError("the token expires before it was issued")
    return life


def _renewed_after(life: timedelta) -> timedelta:
    """Return how long to use a token: for 80 % of its life or until 10 min before its end, but at least half of it."""
    return max(life / 2, min(life * 0.8, life - timedelta(minutes=10)))
