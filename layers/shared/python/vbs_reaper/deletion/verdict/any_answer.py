"""What an answer means whatever was asked: a halt of the target, a refusal, or a wait."""

from typing import Final
from typing import assert_never

from msgspec import UNSET

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.deletion.verdict.decision import Pass
from vbs_reaper.deletion.verdict.decision import Refused
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName

HALTS: Final = {
    AnswerName.OTHER_BACKUP: Reason.IDENTITY_MISMATCH,
    AnswerName.NO_SERVICE: Reason.SERVICE_DOWN,
    AnswerName.UNAVAILABLE: Reason.SERVICE_DOWN,
    AnswerName.THROTTLED: Reason.THROTTLED,
    AnswerName.WRONG_ENDPOINT: Reason.WRONG_ENDPOINT,
    AnswerName.REDIRECTED: Reason.REDIRECTED,
    AnswerName.PROXY_REFUSED: Reason.PROXY,
    AnswerName.GATEWAY_REFUSED: Reason.GATEWAY_REFUSED,
    AnswerName.URL_PROJECT_MISMATCH: Reason.PROJECT_MISMATCH,
    AnswerName.UNAUTHORIZED: Reason.CREDENTIALS_REJECTED,
    AnswerName.UNREACHABLE: Reason.UNREACHABLE,
    AnswerName.TLS_FAILED: Reason.TLS,
    AnswerName.SECRET_UNUSABLE: Reason.SECRET_UNUSABLE,
    AnswerName.LOGIN_REFUSED: Reason.CREDENTIALS_REJECTED,
    AnswerName.LOGIN_THROTTLED: Reason.LOGIN_THROTTLED,
    AnswerName.LOGIN_UNAVAILABLE: Reason.SERVICE_DOWN,
    AnswerName.LOGIN_MISPLACED: Reason.WRONG_ENDPOINT,
    AnswerName.TOKEN_PROJECT_MISMATCH: Reason.PROJECT_MISMATCH,
    AnswerName.ADMINISTRATOR: Reason.ADMINISTRATOR_REFUSED,
}
"""The answers that are a verdict about the target, and their reasons."""


def after_any(this: Pass, answer: Answer) -> Decision:
    """Decide on what means the same after every call."""
    match answer.name:
        case (
            AnswerName.OTHER_BACKUP
            | AnswerName.NO_SERVICE
            | AnswerName.UNAVAILABLE
            | AnswerName.THROTTLED
            | AnswerName.WRONG_ENDPOINT
            | AnswerName.REDIRECTED
            | AnswerName.PROXY_REFUSED
            | AnswerName.GATEWAY_REFUSED
            | AnswerName.URL_PROJECT_MISMATCH
            | AnswerName.UNAUTHORIZED
            | AnswerName.UNREACHABLE
            | AnswerName.TLS_FAILED
            | AnswerName.SECRET_UNUSABLE
            | AnswerName.LOGIN_REFUSED
            | AnswerName.LOGIN_THROTTLED
            | AnswerName.LOGIN_UNAVAILABLE
            | AnswerName.LOGIN_MISPLACED
            | AnswerName.TOKEN_PROJECT_MISMATCH
            | AnswerName.ADMINISTRATOR
        ):
            return this.halt(HALTS[answer.name], answer.message, answer.retry_after_s)
        case AnswerName.USED_BY_IMAGE:
            return Refused(reason=Reason.USED_BY_IMAGE, message=answer.message)
        case AnswerName.BAD_REQUEST:
            return this.wait(Reason.BAD_REQUEST, answer.message)
        case AnswerName.UNEXPECTED_CLIENT_ERROR:
            return this.wait(Reason.UNEXPECTED_STATUS, answer.message)
        case AnswerName.OTHER_PROJECT:
            if this.request.project_id is UNSET:  # the secret has changed between two calls of this pass
                return this.halt(Reason.PROJECT_MISMATCH, answer.message)
            return Refused(reason=Reason.WRONG_PROJECT, message=answer.message)
        case AnswerName.FORBIDDEN:
            return this.wait(Reason.FORBIDDEN, answer.message)
        case AnswerName.TIMED_OUT:
            return this.wait(Reason.TIMED_OUT, answer.message)
        case AnswerName.CONNECTION_LOST:
            return this.wait(Reason.CONNECTION_LOST, answer.message)
        case AnswerName.SERVER_ERROR:
            return this.wait(Reason.SERVER_ERROR, answer.message)
        case AnswerName.CONFLICT:
            return this.wait(Reason.CONFLICT, answer.message)
        case AnswerName.OUT_OF_TIME:
            return this.wait(Reason.OUT_OF_TIME, answer.message)
        case (
            AnswerName.FOUND
            | AnswerName.GONE
            | AnswerName.ACCEPTED
            | AnswerName.MAYBE_ACCEPTED
            | AnswerName.WRONG_STATE
            | AnswerName.HAS_DEPENDENTS
            | AnswerName.UNEXPECTED
        ):
            return this.wait(Reason.UNEXPECTED_ANSWER, answer.message)
        case _:
            assert_never(answer.name)
