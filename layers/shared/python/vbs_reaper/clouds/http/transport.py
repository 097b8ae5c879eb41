"""HTTP through requests, with one TLS context and kept connections; no redirects, retries, proxies or cookies.

No environment variable changes its behaviour. `deadline` explains how time and memory are bounded.
"""

import ssl
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from http.client import HTTPException
from io import BytesIO
from threading import Lock
from typing import Final

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, BaseAdapter
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry, parse_url

from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.clouds.http.connection import Pool, TlsPool, make_tls_context
from vbs_reaper.clouds.http.deadline import CallFailed, Exchange, Reply, current_exchange

USER_AGENT: Final = "vbs-reaper"

HOSTS: Final = 32
"""For how many hosts connections are kept."""

_NO_RETRIES: Final = Retry(0, read=False)

_INVALID_HTTP: Final = (HTTPError, HTTPException, ValueError, OSError)
"""What urllib3 raises for a response that is not valid HTTP. A chunk size of -5 is a ValueError, for example."""


@dataclass(slots=True)
class HttpRequest:
    """A request to a backup service, with all its headers. `url` must be checked before."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def path_url(self) -> str:
        """Path and query."""
        return "/" + self.url.split("/", 3)[3]


class Transport:
    """Sends requests over its own connections. Create one per execution environment and certificate authority."""

    def __init__(
        self, *, calls_at_once: int, cacert: str | None = None, deadline_s: float = 10.0, connect_s: float = 3.0
    ) -> None:
        self._deadline_s = deadline_s
        self._connect_s = connect_s
        self._adapter = _Adapter(cacert, calls_at_once)
        self.session = requests.Session()
        """For keystoneauth1. Use it only within `exchange`."""
        self.session.trust_env = False
        self.session.headers["Accept-Encoding"] = "identity"
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, self._adapter)

    def exchange(self, *, body_limit: int, on_fresh_connection: bool = False) -> AbstractContextManager[Exchange]:
        """Set the deadline and the body limit (bytes) for one request of the current thread."""
        return Exchange(
            ends_at=time.monotonic() + self._deadline_s,
            connect_s=self._connect_s,
            body_limit=body_limit,
            on_fresh_connection=on_fresh_connection,
        )

    def send(self, request: HttpRequest, *, body_limit: int, on_fresh_connection: bool = False) -> Reply:
        """Send one request and read the whole response, at most `body_limit` bytes of body.

        Raises:
            CallFailed: there is no trustworthy status line.
        """
        with self.exchange(body_limit=body_limit, on_fresh_connection=on_fresh_connection) as exchange:
            return self._adapter.perform(request, exchange)

    def close(self) -> None:
        """Close every connection."""
        self.session.close()


class Transports:
    """The transports of all targets: one for the public certificate authorities, and one per private authority."""

    def __init__(self, *, calls_at_once: int, deadline_s: float = 10.0, connect_s: float = 3.0) -> None:
        self._make = partial(Transport, calls_at_once=calls_at_once, deadline_s=deadline_s, connect_s=connect_s)
        self._transports: dict[str, Transport] = {}
        self._lock = Lock()

    def of(self, cacert: str) -> Transport:
        """Return the transport that trusts this authority (PEM text), or the public ones if it is empty."""
        with self._lock:
            if cacert not in self._transports:
                self._transports[cacert] = self._make(cacert=cacert or None)
            return self._transports[cacert]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for transport in self._transports.values():
                transport.close()
            self._transports.clear()


class _Adapter(BaseAdapter):
    """The adapter for requests: uses our connections, within the exchange of the current thread."""

    def __init__(self, cacert: str | None, calls_at_once: int) -> None:
        super().__init__()
        # One TLS context for all pools: requests would load the bundle again for each connection.
        make_pool = partial(_make_pool, make_tls_context(cacert, DEFAULT_CA_BUNDLE_PATH), calls_at_once)
        self._pool_of = lru_cache(maxsize=HOSTS)(make_pool)

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Send a request for keystoneauth1. The returned response is fully read.

        Raises:
            CallFailed: there is no trustworthy status line.
        """
        reply = self.perform(request, current_exchange())
        response = requests.Response()
        response.status_code = reply.status
        # Redirects are never followed; without the header no library can.
        response.headers.update({name: value for name, value in reply.headers.items() if name != "location"})
        response.url = request.url or ""
        response.request = request
        response.raw = BytesIO(reply.body)
        return response

    def perform(self, request: HttpRequest | requests.PreparedRequest, exchange: Exchange) -> Reply:
        """Send a request and read the whole response within the limits of the exchange.

        Raises:
            CallFailed: there is no trustworthy status line.
        """
        origin = "/".join((request.url or "").split("/", 3)[:3])
        try:
            answer = self._pool_of(origin).urlopen(
                request.method or "",
                request.path_url,
                body=request.body,
                headers=dict(request.headers),  # urllib3 copies them and reads them twice
                retries=_NO_RETRIES,
                redirect=False,
                assert_same_host=False,
                timeout=exchange.left_s(),
                preload_content=False,
                decode_content=False,
            )
        except _INVALID_HTTP:
            failure = exchange.lost()
        else:
            body, broken = _read_body(answer, exchange)
            headers = {name.lower(): value for name, value in answer.headers.itermerged()}
            exchange.reply = Reply(status=answer.status, headers=headers, body=body, broken=broken)
            return exchange.reply
        raise failure

    def close(self) -> None:
        """Close every connection: a pool does so as soon as nothing refers to it."""
        self._pool_of.cache_clear()


def _make_pool(tls: ssl.SSLContext, calls_at_once: int, origin: str) -> HTTPConnectionPool:
    """Return a pool of connections to an origin: a URL up to its path."""
    address = parse_url(origin)
    if address.scheme == "https":
        return TlsPool(address.host or "", address.port, maxsize=calls_at_once, ssl_context=tls)
    return Pool(address.host or "", address.port, maxsize=calls_at_once)


def _read_body(resp: BaseHTTPResponse, exchange: Exchange) -> tuple[bytes, CallFailed | None]:
    """Read up to the limit plus one byte. A longer body is dropped together with its connection."""
    parts: list[bytes] = []
    left = exchange.body_limit + 1
    broken = exchange.lost() if exchange.ended else None  # the connection ended within the headers
    try:
        while left and (part := resp.read(left, decode_content=False)):
            parts.append(part)
            left -= len(part)
            if resp.closed:
                break  # nothing is left to read
    except CallFailed as failure:
        broken = failure
    except _INVALID_HTTP:
        broken = exchange.lost()
    if not left or broken:
        resp.close()
        return b"", broken
    if resp.headers.get("content-encoding", "identity").lower() != "identity":
        broken = CallFailed(
            AnswerName.CONNECTION_LOST, "ConnectionError", "the body has a content encoding that was not requested"
        )
    return b"".join(parts), broken


class NotSendable(ValueError):
    """The request would not be exactly what it must be, so nothing is sent. The message quotes nothing."""


@lru_cache(maxsize=64)
def checked_url(url: str) -> str:
    """Return the URL if requests would send it unchanged. Cached: only checked IDs are appended to it.

    Raises:
        NotSendable: it would change.
    """
    request = requests.PreparedRequest()
    try:
        request.prepare_url(url, None)
    except requests.RequestException:
        request.url = None
    if request.url != url:
        raise NotSendable("the address would change on its way")
    return url
