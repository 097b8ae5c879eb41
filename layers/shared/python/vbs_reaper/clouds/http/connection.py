"""Connections for urllib3 that use the bounded sockets of `deadline` and report failures as `CallFailed`."""

import logging
import re
import socket
import ssl
import sys
import threading
from contextlib import suppress
from typing import Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import SSLError
from urllib3.response import HTTPResponse

from vbs_reaper.backups.answer import AnswerName
from vbs_reaper.clouds.http.deadline import BoundedSocket, BoundedTlsSocket, CallFailed, current_exchange
from vbs_reaper.text import printable

# If headers cannot be parsed, urllib3 logs the unparsed rest, which may contain a token.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]
_NUMERIC: Final = re.compile(r"[0-9.]+|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)
"""A host that is an address, so that no name server has to be asked."""


def make_tls_context(cacert: str | None, bundle: str) -> ssl.SSLContext:
    """Return a TLS context that trusts only `cacert` (PEM text) if given, else the authorities in the file `bundle`.

    Loading a bundle costs more than everything else about a connection: create one context and keep it. It verifies as
    `ssl.create_default_context` does, which is not used because it logs all keys to the file named in `SSLKEYLOGFILE`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cafile=None if cacert else bundle, cadata=cacert or None)
    context.sslsocket_class = BoundedTlsSocket
    return context


_WITHOUT_BODY: Final = frozenset({204, 304})


class _Bounded(HTTPConnection):
    """What HTTP and HTTPS connections have in common."""

    debuglevel = 0  # http.client would print requests with their credentials if its own switch were set

    @property
    def is_connected(self) -> bool:
        """Whether a kept connection may be reused: never if the exchange asks for a fresh one, or if bytes are left.

        urllib3 sees bytes in the socket only. Those that TLS has decrypted already would be read as the next response.
        """
        if current_exchange().on_fresh_connection or not super().is_connected:
            return False
        return not (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending())

    def _new_conn(self) -> socket.socket:
        """Connect to the first address of the host that accepts, with the connect timeout for each."""
        exchange = current_exchange()
        exchange.opened = True
        addresses = _resolve(self.host, self.port, exchange.left_s())
        status_code = "ConnectTimeout" if addresses is None else "ConnectionError"
        for family, kind, protocol, _, address in addresses or ():
            fresh = BoundedSocket(family, kind, protocol)
            try:
                fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                fresh.settimeout(min(exchange.connect_s, exchange.left_s()))
                fresh.connect(address)
                fresh.settimeout(min(exchange.connect_s, exchange.left_s()))  # for the TLS handshake
            except (OSError, CallFailed) as error:
                fresh.close()
                is_late = isinstance(error, TimeoutError | CallFailed)
                status_code = "ConnectTimeout" if is_late else "ConnectionError"
            else:
                return fresh
        raise _unreachable(self.host, status_code)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own override
        """Receive the response. The connection is closed if it is not certain where the response ends.

        That is after an interim response, and after one that cannot have a body (RFC 9112 section 6.3) but states one.
        """
        response = super().getresponse()
        if response.status < 200 or (response.status in _WITHOUT_BODY and _states_body(response)):
            self.close()
        return response


class _BoundedTls(_Bounded, HTTPSConnection):
    def connect(self) -> None:
        """Connect and do the TLS handshake.

        Raises:
            CallFailed: the server cannot be reached or is not trusted; nothing was sent.
        """
        try:
            super().connect()
        except (ssl.SSLError, ssl.CertificateError, SSLError) as error:
            failure = CallFailed(AnswerName.TLS_FAILED, "TlsError", f"{self.host}: {_tls_reason(error)}")
        except OSError as error:
            failure = _unreachable(
                self.host, "ConnectTimeout" if isinstance(error, TimeoutError) else "ConnectionError"
            )
        else:
            return
        raise failure


def _states_body(response: HTTPResponse) -> bool:
    return "transfer-encoding" in response.headers or response.headers.get("content-length", "0").strip() != "0"


class Pool(HTTPConnectionPool):
    """Keeps connections to one host."""

    ConnectionCls = _Bounded


class TlsPool(HTTPSConnectionPool):
    """Keeps HTTPS connections to one host."""

    ConnectionCls = _BoundedTls


def _resolve(host: str, port: int | None, within_s: float) -> list[_Address] | None:
    """Return the addresses of a host, or None if the name servers take longer than that.

    `getaddrinfo` has no timeout. So it runs in a thread of its own, which ends when the resolver gives up. Nothing
    waits for it, and its late result is dropped.
    """
    found: list[_Address] = []

    def look_up() -> None:
        with suppress(OSError, UnicodeError):
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))  # type: ignore[arg-type]

    if _NUMERIC.fullmatch(host):
        look_up()
        return found
    thread = threading.Thread(target=look_up, name="resolver", daemon=True)
    thread.start()
    thread.join(within_s)
    return None if thread.is_alive() else found


def _unreachable(host: str, status_code: str) -> CallFailed:
    return CallFailed(AnswerName.UNREACHABLE, status_code, f"{host} cannot be reached; nothing was sent")


def _tls_reason(error: Exception) -> str:
    inner = error.args[0] if isinstance(error, SSLError) and error.args else error
    words = getattr(inner, "verify_message", "") or getattr(inner, "reason", "") or "the TLS handshake failed"
    return printable(str(words))
