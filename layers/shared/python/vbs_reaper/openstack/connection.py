"""Connections for requests: opened within the exchange's time, trusted by one TLS context, told when they fail."""

import logging
import socket
import ssl
from typing import Final

from urllib3 import HTTPConnectionPool
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import SSLError
from urllib3.response import HTTPResponse

from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.exchange import BoundedSocket
from vbs_reaper.openstack.exchange import BoundedTlsSocket
from vbs_reaper.openstack.exchange import CallFailed
from vbs_reaper.openstack.exchange import current_exchange
from vbs_reaper.openstack.fault import printable

# Of headers that cannot be parsed it would log the rest, which may hold a token.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)


def make_tls_context(cacert: str | None, bundle: str) -> ssl.SSLContext:
    """Trust the authority of `cacert` (PEM text) alone where there is one, else those of the `bundle` file.

    Reading a bundle costs more than everything else about a connection: make one context and keep it.
    """
    context = ssl.create_default_context(cadata=cacert) if cacert else ssl.create_default_context(cafile=bundle)
    context.sslsocket_class = BoundedTlsSocket
    return context


class _Bounded(HTTPConnection):
    """What both kinds of connection have in common."""

    @property
    def is_connected(self) -> bool:
        """Whether a kept connection may be used again: never where the exchange wants a fresh one."""
        return not current_exchange().on_fresh_connection and super().is_connected

    def _new_conn(self) -> socket.socket:
        """Connect to the first of the host's addresses that answers, each within the time to connect."""
        exchange = current_exchange()
        exchange.opened = True
        status_code = "ConnectionError"
        for family, kind, protocol, _, address in _addresses(self.host, self.port):
            fresh = BoundedSocket(family, kind, protocol)
            try:
                fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                fresh.settimeout(min(exchange.connect_s, exchange.left_s()))
                fresh.connect(address)
                fresh.settimeout(min(exchange.connect_s, exchange.left_s()))  # for a handshake that may follow
            except (OSError, CallFailed) as error:
                fresh.close()
                is_late = isinstance(error, TimeoutError | CallFailed)
                status_code = "ConnectTimeout" if is_late else "ConnectionError"
            else:
                return fresh
        raise _unreachable(self.host, status_code)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own, which is none of http.client
        """Receive the answer; after an interim one nobody knows what comes next, so the connection ends."""
        response = super().getresponse()
        if response.status < 200:
            self.close()
        return response


class _BoundedTls(_Bounded, HTTPSConnection):
    def connect(self) -> None:
        """Connect and shake hands.

        Raises:
            CallFailed: the peer cannot be reached or not be trusted; nothing was sent to it.
        """
        try:
            super().connect()
        except (ssl.SSLError, ssl.CertificateError, SSLError) as error:
            failure = CallFailed(AnswerName.TLS_FAILED, "TlsError", f"{self.host}: {_tls_words(error)}")
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
"""By scheme, as urllib3's pool manager wants them."""


def _addresses(
    host: str, port: int | None
) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]]:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]
    except (OSError, UnicodeError):
        return []


def _unreachable(host: str, status_code: str) -> CallFailed:
    return CallFailed(AnswerName.UNREACHABLE, status_code, f"{host} cannot be reached; nothing was sent")


def _tls_words(error: Exception) -> str:
    inner = error.args[0] if isinstance(error, SSLError) and error.args else error
    words = getattr(inner, "verify_message", "") or getattr(inner, "reason", "") or "the TLS handshake failed"
    return printable(str(words))
