"""What a login that brought no token says, by name. Source: Keystone's answers as measured, and IAM's error codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.fault import read_fault
from vbs_reaper.openstack.fault import read_retry_after

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.openstack.exchange import CallFailed
    from vbs_reaper.openstack.exchange import Reply
    from vbs_reaper.openstack.fault import Fault
    from vbs_reaper.openstack.target import Target

_CODE: Final = re.compile(r"[A-Za-z]{1,16}\.[0-9]{1,6}", re.ASCII)
"""An error code such as IAM.0061: the one part of a refusal that cannot quote what was sent."""

_WORDS: Final = {
    AnswerName.LOGIN_REFUSED: "refuses the login",
    AnswerName.LOGIN_THROTTLED: "asks to log in less often",
    AnswerName.LOGIN_UNAVAILABLE: "cannot log anybody in for now",
    AnswerName.LOGIN_MISPLACED: 'does not answer as Keystone v3 does; check "auth.auth_url" in the secret',
    AnswerName.PROXY_REFUSED: "is behind a proxy that asks for credentials",
}


def name_login_answer(name: str, target: Target, reply: Reply, now: datetime) -> Answer:
    """Name an answer that is no token."""
    fault = read_fault(reply.body)
    answer = _name(reply.status, fault)
    code = f", {fault.code}" if _CODE.fullmatch(fault.code) else ""
    return Answer(
        name=answer,
        status=reply.status,
        message=f'target "{name}": {target.auth.auth_url} {_WORDS[answer]} ({reply.status}{code})',
        retry_after_s=read_retry_after(reply.headers.get("retry-after"), fault.retry_after, now)
        if answer in {AnswerName.LOGIN_THROTTLED, AnswerName.LOGIN_UNAVAILABLE}
        else None,
        at=now,
    )


def name_login_failure(name: str, target: Target, failed: CallFailed, now: datetime) -> Answer:
    """Name a login that no answer came to: without Keystone there is no service, but distrust keeps its own name."""
    is_distrust = failed.name is AnswerName.TLS_FAILED
    return Answer(
        name=AnswerName.TLS_FAILED if is_distrust else AnswerName.LOGIN_UNAVAILABLE,
        message=f'target "{name}": no login at {target.auth.auth_url}: {failed.message}',
        at=now,
    )


def _name(status: int, fault: Fault) -> AnswerName:
    if status in {401, 403} or (status in {400, 409} and fault.is_json):
        return AnswerName.LOGIN_REFUSED
    if status in {413, 429}:
        return AnswerName.LOGIN_THROTTLED
    if status == 407:
        return AnswerName.PROXY_REFUSED
    if status == 408 or (status >= 500 and status != 501):
        return AnswerName.LOGIN_UNAVAILABLE
    return AnswerName.LOGIN_MISPLACED
