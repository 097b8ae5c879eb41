"""What all APIs have in common: IDs in paths, statuses that mean the same with every body, and the answer itself."""

from datetime import datetime
from typing import Final

from vbs_reaper.backups.answer import Answer, AnswerName, Operation
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.identifiers import is_backup_id
from vbs_reaper.clouds.error_body import ErrorBody, read_request_id, read_retry_after
from vbs_reaper.clouds.http.deadline import Reply
from vbs_reaper.clouds.http.transport import NotSendable
from vbs_reaper.text import printable

STATUS_ANSWERS: Final = {
    401: AnswerName.UNAUTHORIZED,
    402: AnswerName.GATEWAY_REFUSED,
    405: AnswerName.WRONG_ENDPOINT,
    406: AnswerName.WRONG_ENDPOINT,
    407: AnswerName.PROXY_REFUSED,
    408: AnswerName.TIMED_OUT,
    409: AnswerName.CONFLICT,
    410: AnswerName.WRONG_ENDPOINT,
    413: AnswerName.THROTTLED,
    415: AnswerName.WRONG_ENDPOINT,
    421: AnswerName.GATEWAY_REFUSED,
    429: AnswerName.THROTTLED,
    431: AnswerName.GATEWAY_REFUSED,
    494: AnswerName.GATEWAY_REFUSED,
    500: AnswerName.SERVER_ERROR,
    501: AnswerName.WRONG_ENDPOINT,
    502: AnswerName.UNAVAILABLE,
    503: AnswerName.UNAVAILABLE,
    504: AnswerName.UNAVAILABLE,
}
"""Statuses that mean the same with every body. 402, 421, 431 and 494 are about the account or the connection."""


def checked_id(uuid: str | None) -> str:
    """Return an ID that may be a part of a path or query.

    Raises:
        NotSendable: it is not a lower-case canonical UUID.
    """
    if not is_backup_id(uuid):
        raise NotSendable("an ID is not a lower-case canonical UUID")
    return str(uuid)


def name_status(operation: Operation, status: int, error: ErrorBody) -> AnswerName:
    """Name the answer of a response that is not a success, by what means the same in all APIs. Total."""
    if 300 <= status < 400:
        return AnswerName.REDIRECTED
    if status == 403:
        return AnswerName.GATEWAY_REFUSED if error.from_gateway else AnswerName.FORBIDDEN
    if status in STATUS_ANSWERS:
        return STATUS_ANSWERS[status]
    if not 400 < status < 500:
        return AnswerName.UNEXPECTED
    if error.from_gateway:
        return AnswerName.GATEWAY_REFUSED
    return name_malformed(operation) if status == 414 else AnswerName.UNEXPECTED_CLIENT_ERROR


def name_malformed(operation: Operation) -> AnswerName:
    """A GET of checked IDs cannot be malformed, so for a GET this says nothing about the request."""
    return AnswerName.BAD_REQUEST if operation is Operation.DELETE_BACKUP else AnswerName.UNEXPECTED


def make_answer(
    name: AnswerName, reply: Reply, error: ErrorBody, now: datetime, backup: Backup | None = None
) -> Answer:
    """Return the answer that a response has been found to be."""
    may_retry = name in {AnswerName.THROTTLED, AnswerName.UNAVAILABLE}
    return Answer(
        name=name,
        status=reply.status,
        message=printable(error.message) or f"status {reply.status}",
        request_id=read_request_id(reply.headers, reply.body if error.is_json else b""),
        retry_after_s=read_retry_after(reply.headers.get("retry-after"), error.retry_after, now) if may_retry else None,
        at=now,
        backup=backup,
    )
