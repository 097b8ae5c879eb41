"""Addresses of clouds: which texts are one, and what part of it names API version and project."""

import re
from dataclasses import dataclass
from typing import Final
from typing import Literal
from urllib.parse import urlsplit

from vbs_reaper.openstack.fault import printable

ApiVersion = Literal["v2", "v3"]

_ADDRESS: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::(?P<port>[1-9][0-9]{0,4}))?)"
    r"(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
_VERSION: Final = re.compile(r"v[0-9](?:\.[0-9]+)?", re.ASCII)
_PROJECT_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class EndpointUnusable(ValueError):
    """A text is no address we may call. The message says why and does not quote it: it may hold a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address taken apart: `root` without a default port and a slash at its end, then version and project if named.

    One service has one root, so two roots that differ are two places.
    """

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
    host = match["host"]
    if match["port"] and int(match["port"]) == _DEFAULT_PORTS[match["scheme"]]:
        host = host.removesuffix(f":{match['port']}")
    segments, version, project_id = _split_path(match["path"])
    root = "/".join([f"{match['scheme']}://{host}", *segments])
    return Endpoint(root=root, version=version, project_id=project_id)


def root_of(url: str) -> str:
    """Return the root of an address, to compare places, also if the address may not be called as it is written.

    Equal to `read_endpoint(url).root` if that can be read. Lower-cases scheme and host; drops user and password, the
    dot that may end a host, the default port, version and project, and a slash at the end.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").removesuffix(".")
    if not host:
        return url
    host = f"[{host}]" if ":" in host else host
    if port not in (None, _DEFAULT_PORTS.get(parts.scheme)):
        host = f"{host}:{port}"
    segments, _, _ = _split_path(parts.path.rstrip("/"))
    root = "/".join([f"{parts.scheme}://{host}", *segments])
    return f"{root}?{parts.query}#{parts.fragment}" if parts.query or parts.fragment else root


def show_place(root: str) -> str:
    """Return a root as text for people; of one that is not a plain address only the host, as it may hold a secret."""
    if _ADDRESS.fullmatch(root):
        return root
    try:
        host = urlsplit(root).hostname
    except ValueError:
        host = None
    return printable(host) if host else "an unreadable address"


def _split_path(path: str) -> tuple[list[str], str | None, str | None]:
    """Split a path without a slash at its end into the segments of the root, the version and the project."""
    segments = path.split("/")[1:]
    project_id = segments.pop() if segments and is_project_id(segments[-1]) else None
    version = segments.pop() if segments and _VERSION.fullmatch(segments[-1]) else None
    return segments, version, project_id
