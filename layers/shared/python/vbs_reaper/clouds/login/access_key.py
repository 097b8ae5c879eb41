"""The "login" of an access key: one signed request, which shows whether host, project and key are right.

A signed request needs no token. But the cloud counts wrong signatures and locks the key, so the first request of an
execution environment goes through the login slots. It lists one backup.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.clouds.apis.interface import Call
from vbs_reaper.clouds.endpoint import read_endpoint
from vbs_reaper.clouds.http.deadline import CallFailed, Reply
from vbs_reaper.clouds.http.redaction import without_secret
from vbs_reaper.clouds.http.transport import NotSendable
from vbs_reaper.clouds.login.aksk import Dialect, SigningKey
from vbs_reaper.clouds.login.login import Login
from vbs_reaper.clouds.login.login_end import LoginAttempt, LoginEnd, end_of_failure, is_lost
from vbs_reaper.clouds.login.signature_refusal import read_signature_refusal

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.clouds.http.transport import Transport
    from vbs_reaper.clouds.target import Target

RENEWED_AFTER: Final = timedelta(hours=1)
"""How long an access key is used before the secret is read and the key is checked again."""

EXPIRES_AFTER: Final = timedelta(hours=24)
"""How long it is used without a check, if no slot is free. A token of Open Telekom Cloud is valid for as long."""

CHECK_BYTES: Final = 1024 * 1024
"""Maximum number of bytes of the response: a list of one backup."""

_ABOUT_A_BACKUP: Final = frozenset(
    {AnswerName.FOUND, AnswerName.GONE, AnswerName.OTHER_BACKUP, AnswerName.ACCEPTED, AnswerName.MAYBE_ACCEPTED}
)
"""Answers that a list cannot have. If an API read one from it nevertheless, it must not count for the backup."""

_ENDS: Final = {
    AnswerName.UNAUTHORIZED: LoginEnd.REJECTED,
    AnswerName.USER_LOCKED: LoginEnd.KEY_LOCKED,
    AnswerName.CLOCK_SKEW: LoginEnd.NOT_JUDGED,
}


def log_in(name: str, target: Target, transport: Transport, now: datetime) -> LoginAttempt:
    """Make the first signed request of a target. It is sent on a new connection, so it is never repeated."""
    login = _make_login(target, transport, now)
    call = Call(operation=Operation.LIST_BACKUPS, target=name, page_size=1)
    try:
        request = login.api.prepare(call, login)
        signature = login.credentials.authenticate(request, now)
    except NotSendable as fault:
        answer = Answer(name=AnswerName.BAD_REQUEST, message=f'target "{name}": nothing was sent: {fault}', at=now)
        return LoginAttempt(result=answer, status_code="NotSent", end=LoginEnd.NOT_JUDGED)
    try:
        reply = transport.send(request, body_limit=CHECK_BYTES, on_fresh_connection=True)
        if reply.broken is not None:
            raise reply.broken  # noqa: TRY301  # both failures end alike
    except CallFailed as failed:
        answer = Answer(name=failed.name, message=f'target "{name}": {failed.message}', at=now)
        return LoginAttempt(result=answer, status_code=failed.status_code, end=end_of_failure(failed))
    return _judge(name, login, call, without_secret(reply, signature), now)


def _make_login(target: Target, transport: Transport, now: datetime) -> Login:
    project_id = ProjectId(target.auth.project_id)
    root = read_endpoint(target.address, insecure_http=target.insecure_http).root
    return Login(
        credentials=SigningKey(
            access_key=target.auth.access_key,
            secret_key=target.auth.secret_key,
            project_id=project_id,
            dialect=cast("Dialect", target.signature),
        ),
        project_id=project_id,
        root=root,
        api=target.api,
        info=target.describe(project_id, root),
        transport=transport,
        renew_at=now + RENEWED_AFTER,
        expires_at=now + EXPIRES_AFTER,
    )


def _judge(name: str, login: Login, call: Call, reply: Reply, now: datetime) -> LoginAttempt:
    status_code = str(reply.status)
    refusal = read_signature_refusal(reply, now)
    answer = refusal or login.api.read(call, reply, now)
    if not isinstance(answer, Answer):
        return LoginAttempt(result=login, status_code=status_code, end=LoginEnd.ACCEPTED)
    if refusal is not None:
        end = _ENDS[refusal.name]
    elif answer.name is AnswerName.URL_PROJECT_MISMATCH:
        end = LoginEnd.NOT_JUDGED  # the service compares projects after the gateway has accepted the signature
    else:
        may_count = reply.status == 401 or answer.name is AnswerName.UNAUTHORIZED or is_lost(reply.status)
        end = LoginEnd.UNANSWERED if may_count else LoginEnd.NOT_JUDGED
    verdict = AnswerName.LOGIN_REFUSED if answer.name is AnswerName.UNAUTHORIZED else answer.name
    result = Answer(
        name=AnswerName.UNEXPECTED if verdict in _ABOUT_A_BACKUP else verdict,
        status=answer.status,
        message=f'target "{name}": {login.root}: {answer.message}',
        request_id=answer.request_id,
        retry_after_s=answer.retry_after_s,
        at=now,
    )
    return LoginAttempt(result=result, status_code=status_code, end=end)
