"""Connections for urllib3 that use the bounded sockets of `deadline` and report failures as `CallFailed`."""

import logging
import socket
import ssl
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


def make_tls_context(cacert: str | None, bundle: str) -> ssl.SSLContext:
    """Return a TLS context that trusts only `cacert` (PEM text) if given, else the authorities in the file `bundle`.

    Loading a bundle costs more than everything else about a connection: create one context and keep it.
    """
    context = ssl.create_default_context(cadata=cacert) if cacert else ssl.create_default_context(cafile=bundle)
    context.sslsocket_class = BoundedTlsSocket
    return context


class _Bounded(HTTPConnection):
    """What HTTP and HTTPS connections have in common."""

    @property
    def is_connected(self) -> bool:
        """Whether a kept connection may be reused: never if the exchange asks for a fresh one."""
        return not current_exchange().on_fresh_connection and super().is_connected

    def _new_conn(self) -> socket.socket:
        """Connect to the first address of the host that accepts, with the connect timeout for each."""
        exchange = current_exchange()
        exchange.opened = True
        status_code = "ConnectionError"
        for family, kind, protocol, _, address in _addresses(self.host, self.port):
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
        """Receive the response. After an interim response the state of the connection is unknown, so it is closed."""
        response = super().getresponse()
        if response.status < 200:
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


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Bounded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedTls


POOLS: Final = {"http": _Pool, "https": _TlsPool}
"""By scheme, as urllib3's pool manager expects them."""


def _addresses(
    host: str, port: int | None
) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]
    except (OSError, UnicodeError):
        return []


def _unreachable(host: str, status_code: str) -> CallFailed:
    return CallFailed(AnswerName.UNREACHABLE, status_code, f"{host} cannot be reached; nothing was sent")


def _tls_reason(error: Exception) -> str:
    inner = error.args[0] if isinstance(error, SSLError) and error.args else error
    words = getattr(inner, "verify_message", "") or getattr(inner, "reason", "") or "the TLS handshake failed"
    return printable(str(words))
