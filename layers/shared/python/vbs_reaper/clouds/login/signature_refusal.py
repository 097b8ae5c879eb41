"""Classifies the answers of an API gateway to a signature that it does not accept.

Source: "Common Errors Related to IAM Authentication Information" in the API gateway's documentation. The code is the
same for all of them, so the text decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vbs_reaper.backups.answer import Answer, AnswerName
from vbs_reaper.clouds.error_body import read_error_body
from vbs_reaper.clouds.login.slots import KEY_LOCKED_FOR

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.clouds.http.deadline import Reply

_CODES: Final = frozenset({"APIG.0301", "APIGW.0301"})
_TEXTS: Final = {
    "verify aksk signature fail": (AnswerName.UNAUTHORIZED, "the cloud rejects the signature: the secret key is wrong"),
    "not exist": (AnswerName.UNAUTHORIZED, "the cloud does not know the access key"),
    "signature expired": (AnswerName.CLOCK_SKEW, "the cloud rejects the time of the signature"),
    "reach the limit": (AnswerName.USER_LOCKED, "the cloud has locked the access key for five minutes"),
}
"""What a refusal means, by a part of its text. The text itself is not shown: it may quote the request."""


def read_signature_refusal(reply: Reply, now: datetime) -> Answer | None:
    """Return the answer for a response that refuses a signature; None for any other response."""
    if reply.status != 401:
        return None
    error = read_error_body(reply.body)
    if error.code not in _CODES:
        return None
    for text, (name, message) in _TEXTS.items():
        if text in error.message:
            return Answer(
                name=name,
                status=reply.status,
                message=f"{message} ({reply.status}, {error.code})",
                retry_after_s=KEY_LOCKED_FOR.total_seconds() if name is AnswerName.USER_LOCKED else None,
                at=now,
            )
    return None
