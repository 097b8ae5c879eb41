"""HTTP as this project needs it: one TLS context, kept connections; no redirect, retry, proxy or cookie.

requests does the talking, through an adapter of ours; nothing in the environment changes what it does.
"""

import time
from contextlib import AbstractContextManager
from functools import lru_cache
from functools import partial
from http.client import HTTPException
from io import BytesIO
from threading import Lock
from typing import Any
from typing import Final

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse
from urllib3.util import parse_url

from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.connection import POOLS
from vbs_reaper.openstack.connection import make_tls_context
from vbs_reaper.openstack.exchange import CallFailed
from vbs_reaper.openstack.exchange import Exchange
from vbs_reaper.openstack.exchange import Reply
from vbs_reaper.openstack.exchange import current_exchange
from vbs_reaper.openstack.exchange import exchanging

HOSTS: Final = 32
"""For how many hosts connections are kept."""

_NO_HTTP: Final = (HTTPError, HTTPException, ValueError, OSError)
"""What urllib3 raises of an answer that is no HTTP, and what it lets through: a chunk of -5 bytes is a ValueError."""


class Transport:
    """Sends requests over connections of its own. Made once per environment, and per private authority."""

    def __init__(
        self, *, calls_at_once: int, cacert: str | None = None, deadline_s: float = 10.0, connect_s: float = 3.0
    ) -> None:
        self._deadline_s = deadline_s
        self._connect_s = connect_s
        self._adapter = _Adapter(cacert, calls_at_once)
        self.session = requests.Session()
        """For keystoneauth1. Only to be used within `exchange`."""
        self.session.trust_env = False
        self.session.headers["Accept-Encoding"] = "identity"
        for scheme in POOLS:
            self.session.mount(f"{scheme}://", self._adapter)

    def exchange(self, *, body_limit: int, on_fresh_connection: bool = False) -> AbstractContextManager[Exchange]:
        """Give one request of this thread its deadline and its limit; its reply is there afterwards."""
        return exchanging(
            Exchange(
                ends_at=time.monotonic() + self._deadline_s,
                connect_s=self._connect_s,
                body_limit=body_limit,
                on_fresh_connection=on_fresh_connection,
            )
        )

    def send(self, request: requests.PreparedRequest, *, body_limit: int, on_fresh_connection: bool = False) -> Reply:
        """Send one request and read its answer to the end, `body_limit` bytes at most.

        Raises:
            CallFailed: there is no status line to believe.
        """
        with self.exchange(body_limit=body_limit, on_fresh_connection=on_fresh_connection) as exchange:
            return self._adapter.talk(request, exchange)

    def close(self) -> None:
        """Close every connection."""
        self.session.close()


class Transports:
    """The transports of all targets: one for all that trust the public authorities, one per private authority."""

    def __init__(self, *, calls_at_once: int, deadline_s: float = 10.0, connect_s: float = 3.0) -> None:
        self._make = partial(Transport, calls_at_once=calls_at_once, deadline_s=deadline_s, connect_s=connect_s)
        self._transports: dict[str, Transport] = {}
        self._lock = Lock()

    def of(self, cacert: str) -> Transport:
        """The transport that trusts this authority; the public ones where it is empty."""
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


class _Adapter(HTTPAdapter):
    """requests' adapter with our connections; what it sends and receives belongs to the thread's exchange."""

    def __init__(self, cacert: str | None, calls_at_once: int) -> None:
        self._tls = make_tls_context(cacert, DEFAULT_CA_BUNDLE_PATH)
        super().__init__(pool_connections=HOSTS, pool_maxsize=calls_at_once)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:  # noqa: ANN401
        """Give every pool the one context: requests itself would read the bundle again for each connection."""
        super().init_poolmanager(connections, maxsize, block=block, ssl_context=self._tls, **more)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
        """Send it within the thread's exchange, for who wants a response of requests: it has been read to its end.

        Raises:
            CallFailed: there is no status line to believe.
        """
        reply = self.talk(request, current_exchange())
        response = requests.Response()
        response.status_code = reply.status
        # A redirect is never followed, so nobody here needs to read where it leads.
        response.headers.update({name: value for name, value in reply.headers.items() if name.lower() != "location"})
        response.url = request.url or ""
        response.request = request
        response.raw = BytesIO(reply.body)
        return response

    def talk(self, request: requests.PreparedRequest, exchange: Exchange) -> Reply:
        """Send it and read the whole answer, within the exchange's limits: no proxy, no other trust, no repeat.

        Raises:
            CallFailed: there is no status line to believe.
        """
        try:
            answer = self._pool(request.url or "").urlopen(
                request.method or "",
                request.path_url,
                body=request.body,
                headers=request.headers,
                retries=self.max_retries,
                redirect=False,
                assert_same_host=False,
                timeout=exchange.left_s(),
                preload_content=False,
                decode_content=False,
            )
        except _NO_HTTP:
            failure = exchange.lost()
        else:
            body, broken = _read_body(answer, exchange)
            exchange.reply = Reply(status=answer.status, headers=answer.headers, body=body, broken=broken)
            return exchange.reply
        raise failure

    def _pool(self, url: str) -> HTTPConnectionPool:
        host, port, scheme = _address("/".join(url.split("/", 3)[:3]))
        pool: HTTPConnectionPool = self.poolmanager.connection_from_host(host, port, scheme)
        return pool


@lru_cache(maxsize=HOSTS)
def _address(origin: str) -> tuple[str | None, int | None, str | None]:
    """Host, port and scheme; remembered, as reading a URL costs more than finding its connections."""
    address = parse_url(origin)
    return address.host, address.port, address.scheme


def _read_body(resp: BaseHTTPResponse, exchange: Exchange) -> tuple[bytes, CallFailed | None]:
    """Read as much as is allowed, plus one byte to know; what is longer is dropped, and its connection with it."""
    parts: list[bytes] = []
    left = exchange.body_limit + 1
    broken = exchange.lost() if exchange.ended else None  # the end came before the body: the headers are cut short
    try:
        while left and (part := resp.read(left, decode_content=False)):
            parts.append(part)
            left -= len(part)
    except CallFailed as failure:
        broken = failure
    except _NO_HTTP:
        broken = exchange.lost()
    if not left or broken:
        resp.close()
        return b"", broken
    if resp.headers.get("content-encoding", "identity").lower() != "identity":
        broken = CallFailed(
            AnswerName.CONNECTION_LOST, "ConnectionError", "the body is encoded, which nobody asked for"
        )
    return b"".join(parts), broken
