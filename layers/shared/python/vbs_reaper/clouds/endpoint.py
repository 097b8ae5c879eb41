"""Addresses of cloud services: parses them into root, API version and project."""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from vbs_reaper.backups.identifiers import is_project_id
from vbs_reaper.errors import InvalidEndpoint
from vbs_reaper.text import printable

ApiVersion = Literal["v2", "v3"]

_ADDRESS: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?(?::(?P<port>[1-9][0-9]{0,4}))?)"
    r"(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
_VERSION: Final = re.compile(r"v[0-9](?:\.[0-9]+)?", re.ASCII)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A parsed address: `root` without default port and trailing slash, then version and project if the path has them.

    A service has one root, so two different roots are two different places.
    """

    root: str
    version: str | None
    project_id: str | None


def read_endpoint(url: str, *, insecure_http: bool) -> Endpoint:
    """Parse an address. It may consist of scheme, lower-case host, port and a path of plain segments, and nothing else.

    Raises:
        InvalidEndpoint: the text is not such an address, or is plain http and `insecure_http` is false. The message
        begins
            with a verb and does not quote the text.
    """
    match = _ADDRESS.fullmatch(url)
    if match is None or int(match["port"] or 0) > 65535:
        raise InvalidEndpoint("is not a plain address; give https://, the host in lower case, and the path")
    if match["scheme"] == "http" and not insecure_http:
        raise InvalidEndpoint('is not https; plain http is accepted only with "insecure_http": true')
    host = match["host"]
    if match["port"] and int(match["port"]) == _DEFAULT_PORTS[match["scheme"]]:
        host = host.removesuffix(f":{match['port']}")
    segments, version, project_id = _split_path(match["path"])
    root = "/".join([f"{match['scheme']}://{host}", *segments])
    return Endpoint(root=root, version=version, project_id=project_id)


def root_of(url: str) -> str:
    """Return the root of an address for comparison with other roots, also if `read_endpoint` rejects the address.

    Equal to `read_endpoint(url).root` if that accepts it. Converts scheme and host to lower case, and drops user and
    password, a trailing dot of the host, the default port, version and project, and trailing slashes.
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
    """Return a root as text for messages. If it is not a plain address, only its host: the rest may be a secret."""
    if _ADDRESS.fullmatch(root):
        return root
    try:
        host = urlsplit(root).hostname
    except ValueError:
        host = None
    return printable(host) if host else "an unreadable address"


def _split_path(path: str) -> tuple[list[str], str | None, str | None]:
    """Split a path without trailing slash into the segments of the root, the version and the project."""
    segments = path.split("/")[1:]
    project_id = segments.pop() if segments and is_project_id(segments[-1]) else None
    version = segments.pop() if segments and _VERSION.fullmatch(segments[-1]) else None
    return segments, version, project_id
