"""What a login said about the credentials, as far as it matters for the cloud's counter of failed logins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from vbs_reaper.backups.answer import Answer, AnswerName

if TYPE_CHECKING:
    from vbs_reaper.clouds.http.deadline import CallFailed
    from vbs_reaper.clouds.login.login import Login

_LOST_STATUSES: Final = frozenset({408, 500, 502, 504})
"""Keystone may have judged the credentials before it failed, or before a gateway answered in its place."""


class LoginEnd(Enum):
    """How a login ended."""

    ACCEPTED = "the credentials are right, whatever else is wrong with the token"
    REJECTED = "the credentials are wrong"
    LOCKED = "the user is locked, so the credentials were not judged"
    KEY_LOCKED = "the access key is locked for five minutes, so the signature was not judged"
    UNANSWERED = "the credentials may have been judged, but the answer was lost"
    NOT_JUDGED = "nothing was sent, or the answer is not about the credentials"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoginAttempt:
    """One login that was tried."""

    result: Login | Answer
    status_code: str
    """What the metrics show."""
    end: LoginEnd


def end_of_answer(answer: Answer) -> LoginEnd:
    """Return the end of a login whose response is not a token."""
    if answer.name is AnswerName.LOGIN_REFUSED:
        return LoginEnd.REJECTED
    if answer.name is AnswerName.USER_LOCKED:
        return LoginEnd.LOCKED
    return LoginEnd.UNANSWERED if is_lost(answer.status) else LoginEnd.NOT_JUDGED


def is_lost(status: int | None) -> bool:
    """Whether the credentials may have been judged before this status was answered."""
    return status in _LOST_STATUSES


def end_of_failure(failed: CallFailed) -> LoginEnd:
    """Return the end of a login without a usable response."""
    was_sent = failed.name in {AnswerName.TIMED_OUT, AnswerName.CONNECTION_LOST}
    return LoginEnd.UNANSWERED if was_sent else LoginEnd.NOT_JUDGED
