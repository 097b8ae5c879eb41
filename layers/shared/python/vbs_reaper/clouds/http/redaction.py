"""Removes secrets from a response: a service may quote the request it rejects, and responses are logged."""

import re
from dataclasses import replace
from typing import Final

from vbs_reaper.backups.secret_text import Secret
from vbs_reaper.clouds.http.deadline import Reply

_PREFIX_LENGTH: Final = 12
"""How many leading characters identify the secret: a service may quote only its prefix."""
_REPLACEMENT: Final = "***"


def without_secret(reply: Reply, secret: Secret) -> Reply:
    """Return the response with every occurrence of the secret, or of its beginning, replaced in body and headers."""
    prefix = secret.reveal()[:_PREFIX_LENGTH]
    if len(prefix) < _PREFIX_LENGTH:
        return reply
    if prefix.encode() in reply.body:
        body = re.sub(_quoted(prefix).encode(), _REPLACEMENT.encode(), reply.body)
        reply = replace(reply, body=body)
    if any(prefix in value for value in reply.headers.values()):
        quoted = re.compile(_quoted(prefix), re.ASCII)
        headers = {name: quoted.sub(_REPLACEMENT, value) for name, value in reply.headers.items()}
        reply = replace(reply, headers=headers)
    return reply


def _quoted(prefix: str) -> str:
    return re.escape(prefix) + r"[\w.~+/=-]*"
