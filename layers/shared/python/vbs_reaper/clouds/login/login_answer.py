"""Classifies a failed login. Source: measured answers of Keystone 30, and the error codes of Open Telekom Cloud IAM."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.clouds.error_body import read_error_body, read_retry_after

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.clouds.error_body import ErrorBody
    from vbs_reaper.clouds.http.deadline import CallFailed, Reply
    from vbs_reaper.clouds.target import Target

_CODE: Final = re.compile(r"[A-Za-z]{1,16}\.[0-9]{1,6}", re.ASCII)
"""An error code such as IAM.0061: the only part of a rejection that cannot quote what was sent."""

LOCKED: Final = "IAM.0061"
"""The code of Open Telekom Cloud IAM for a locked user. Keystone answers a locked user like a wrong password."""

_PHRASES: Final = {
    AnswerName.LOGIN_REFUSED: "rejects the login",
    AnswerName.USER_LOCKED: "has locked the user after too many failed logins",
    AnswerName.LOGIN_THROTTLED: "limits the rate of logins",
    AnswerName.LOGIN_UNAVAILABLE: "cannot process logins at the moment",
    AnswerName.LOGIN_MISPLACED: 'does not answer like Keystone v3; check "auth.auth_url" in the secret',
    AnswerName.PROXY_REFUSED: "is behind a proxy that requires credentials",
}


def name_login_answer(name: str, target: Target, reply: Reply, now: datetime) -> Answer:
    """Classify a response that is not a token."""
    error = read_error_body(reply.body)
    answer = _name(reply.status, error)
    code = f", {error.code}" if _CODE.fullmatch(error.code) else ""
    return Answer(
        name=answer,
        status=reply.status,
        message=f'target "{name}": {target.auth.auth_url} {_PHRASES[answer]} ({reply.status}{code})',
        retry_after_s=read_retry_after(reply.headers.get("retry-after"), error.retry_after, now)
        if answer in {AnswerName.LOGIN_THROTTLED, AnswerName.LOGIN_UNAVAILABLE}
        else None,
        at=now,
    )


def name_login_failure(name: str, target: Target, failed: CallFailed, now: datetime) -> Answer:
    """Classify a login without a response. A TLS failure keeps its own name; anything else is an outage of Keystone."""
    is_tls = failed.name is AnswerName.TLS_FAILED
    return Answer(
        name=AnswerName.TLS_FAILED if is_tls else AnswerName.LOGIN_UNAVAILABLE,
        message=f'target "{name}": no login at {target.auth.auth_url}: {failed.message}',
        at=now,
    )


def _name(status: int, error: ErrorBody) -> AnswerName:
    if status in {401, 403} and error.code == LOCKED:
        return AnswerName.USER_LOCKED
    if status in {401, 403} or (status in {400, 409} and error.is_json):
        return AnswerName.LOGIN_REFUSED
    if status in {413, 429}:
        return AnswerName.LOGIN_THROTTLED
    if status == 407:
        return AnswerName.PROXY_REFUSED
    if status == 408 or (status >= 500 and status != 501):
        return AnswerName.LOGIN_UNAVAILABLE
    return AnswerName.LOGIN_MISPLACED
