"""Addresses of clouds: which texts are one, and what part of it names API version and project."""

import re
from dataclasses import dataclass
from typing import Final
from typing import Literal

ApiVersion = Literal["v2", "v3"]

_ADDRESS: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::(?P<port>[1-9][0-9]{0,4}))?)"
    r"(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
_VERSION: Final = re.compile(r"v[0-9](?:\.[0-9]+)?", re.ASCII)
_PROJECT_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


class EndpointUnusable(ValueError):
    """A text is no address we may call. The message says why and does not quote it: it may hold a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address taken apart: `root` without a slash at its end, then version and project where it names them."""

    root: str
    version: str | None
    project_id: str | None


def is_project_id(text: str) -> bool:
    """Whether this is 32 lower-case hexadecimal digits, all of it."""
    return _PROJECT_ID.fullmatch(text) is not None


def read_endpoint(url: str, *, insecure_http: bool) -> Endpoint:
    """Take an address apart: scheme, lower-case host, path of plain segments, and nothing else.

    Raises:
        EndpointUnusable: it is no such address, or plain http where that is not allowed.
    """
    match = _ADDRESS.fullmatch(url)
    if match is None or int(match["port"] or 0) > 65535:
        raise EndpointUnusable("is no plain address: give https://, the host in lower case, and the path")
    if match["scheme"] == "http" and not insecure_http:
        raise EndpointUnusable('is not https, which only "insecure_http": true allows')
    segments = match["path"].split("/")[1:]
    project_id = segments.pop() if segments and is_project_id(segments[-1]) else None
    version = segments.pop() if segments and _VERSION.fullmatch(segments[-1]) else None
    root = "/".join([f"{match['scheme']}://{match['host']}", *segments])
    return Endpoint(root=root, version=version, project_id=project_id)
