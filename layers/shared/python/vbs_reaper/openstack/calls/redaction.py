"""A reply without the token that was sent for it: a service may quote what it refuses, and answers are written down."""

import re
from dataclasses import replace
from typing import Final

from urllib3 import HTTPHeaderDict

from vbs_reaper.openstack.exchange import Reply
from vbs_reaper.openstack.secret import Secret

_BEGINNING: Final = 12
"""Characters that give a token away: a service may quote no more than its beginning."""
_IN_ITS_PLACE: Final = "***"


def without_token(reply: Reply, token: Secret) -> Reply:
    """The reply with the token, or what it begins with, replaced wherever it stands in body and headers."""
    beginning = token.reveal()[:_BEGINNING]
    if len(beginning) < _BEGINNING:
        return reply
    if beginning.encode() in reply.body:
        body = re.sub(_quoted(beginning).encode(), _IN_ITS_PLACE.encode(), reply.body)
        reply = replace(reply, body=body)
    if any(beginning in value for value in reply.headers.values()):
        quoted = re.compile(_quoted(beginning), re.ASCII)
        headers = {name: quoted.sub(_IN_ITS_PLACE, value) for name, value in reply.headers.items()}
        reply = replace(reply, headers=HTTPHeaderDict(headers))
    return reply


def _quoted(beginning: str) -> str:
    return re.escape(beginning) + r"[\w.~+/=-]*"
