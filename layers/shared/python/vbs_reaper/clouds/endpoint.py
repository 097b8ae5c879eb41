"""Addresses of cloud services: parses them into root, API version and project."""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Literal
from urllib.parse import urlsplit

from vbs_reaper.backups.identifiers import is_project_id
from vbs_reaper.errors import InvalidEndpoint
from vbs_reaper.text import printable

ApiVersion = Literal["v2", "v3"]

_ADDRESS: Final = re.compile(
    r"(?P<scheme>(?i:https?))://"
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\.?)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*)/?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label that makes a host an IPv4 address: resolvers also accept `127.1`, `0177.0.0.1` and `2130706433`."""
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

    @property
    def url(self) -> str:
        """The whole address, normalized."""
        return "/".join(filter(None, (self.root, self.version, self.project_id)))


def read_endpoint(url: str, *, insecure_http: bool) -> Endpoint:
    """Parse an address. It may consist of scheme, host, port and a path of plain segments, and nothing else.

    It is normalized (RFC 3986 section 6.2): scheme and host in lower case, without a dot at the end of the host and
    without the default port; an IPv6 address as in RFC 5952.

    Raises:
        InvalidEndpoint: the text is not such an address, or is plain http and `insecure_http` is false. The message
            begins with a verb and does not quote the text.
    """
    match = _ADDRESS.fullmatch(url)
    host = _read_host(match) if match else None
    if match is None or host is None or int(match["port"] or 0) > 65535:
        raise InvalidEndpoint(
            "is not a plain address", "give https://, the host and the path, without user, query and fragment"
        )
    scheme = match["scheme"].lower()
    if scheme == "http" and not insecure_http:
        raise InvalidEndpoint("is not https", 'plain http is accepted only with "insecure_http": true')
    segments, version, project_id = _split_path(match["path"])
    root = "/".join([_origin(scheme, host, int(match["port"] or 0)), *segments])
    return Endpoint(root=root, version=version, project_id=project_id)


def root_of(url: str) -> str:
    """Return the root of an address for comparison with other roots, also if `read_endpoint` rejects the address.

    Equal to `read_endpoint(url).root` if that accepts it. Normalizes in the same way, and drops user and password,
    version and project, and trailing slashes.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").removesuffix(".")
    if not host:
        return url
    host = f"[{_canonical_ipv6(host) or host}]" if ":" in host else host
    segments, _, _ = _split_path(parts.path.rstrip("/"))
    root = "/".join([_origin(parts.scheme, host, port), *segments])
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


def _origin(scheme: str, host: str, port: int | None) -> str:
    """Return scheme, host and port; without the port if it is the default one, 0 or None."""
    return f"{scheme}://{host}" if port in (None, 0, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def _read_host(match: re.Match[str]) -> str | None:
    """Return the normalized host of an address; None if it is not a valid one."""
    if match["ipv6"]:
        address = _canonical_ipv6(match["ipv6"])
        return f"[{address}]" if address else None
    name = match["name"].lower()
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            return None
    return name


def _canonical_ipv6(text: str) -> str | None:
    """Return an IPv6 address in its canonical form; None if the text is not one, or has a zone."""
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None


def _split_path(path: str) -> tuple[list[str], str | None, str | None]:
    """Split a path without trailing slash into the segments of the root, the version and the project."""
    segments = path.split("/")[1:]
    project_id = segments.pop() if segments and is_project_id(segments[-1]) else None
    version = segments.pop() if segments and _VERSION.fullmatch(segments[-1]) else None
    return segments, version, project_id
