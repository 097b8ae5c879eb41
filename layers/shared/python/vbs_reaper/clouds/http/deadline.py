"""The deadline and the byte budget of one HTTP exchange.

Whatever the server does, an exchange must end at a given moment and must not use more than a given amount of memory.
The usual settings do not guarantee that:

- A read timeout limits the wait for the next bytes. It starts again with every byte, so a server that sends one byte
  every few seconds can hold a call for hours.
- A limit on the number of bytes read from `http.client` does not cover status line, headers, trailers and chunk sizes:
  it reads a chunk of size -1 until the server stops sending.

So the limits are enforced where every byte passes: in the socket. `Transport.exchange` registers an `Exchange` for the
current thread. `BoundedSocket` asks it before each read and write how much time is left, and tells it after each read
how much was received. `connection` makes urllib3 open such sockets, `transport` makes requests use the connections.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from vbs_reaper.backups.answer import AnswerName

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

FRAMING_BYTES: Final = 1024 * 1024
"""Budget for everything besides the body: status line, headers, trailers, interim responses. Usually a few KiB."""


_ANY_AGE: Final = re.compile(r"[1-9]", re.ASCII)


class CallFailed(Exception):
    """There is no usable response. The message never contains a request, its headers or another exception's text."""

    def __init__(self, name: AnswerName, status_code: str, message: str, *, is_stale: bool = False) -> None:
        super().__init__(message)
        self.name = name
        self.status_code = status_code
        """What the metrics show instead of a status."""
        self.message = message
        self.is_stale = is_stale
        """A kept connection was already dead when it was used: repeat the call once on a new connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response. `headers` has names in lower case; `body` is empty if it exceeded its limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    broken: CallFailed | None = None
    """Why the body is incomplete. If set, only the status line can be trusted."""

    @property
    def age(self) -> str | None:
        """The `Age` header if a cache stored the response (RFC 9111 section 5.1), None if it is missing or 0.

        Lenient: a malformed header with any digit but 0 counts as an age, because a copy must not pass as an original.
        """
        age = self.headers.get("age", "").strip()
        return age if _ANY_AGE.search(age) else None


_threads = threading.local()


@dataclass(slots=True, kw_only=True)
class Exchange:
    """The state of one exchange. While it is entered, all network traffic of the current thread counts against it."""

    ends_at: float
    """On the clock of `time.monotonic`."""
    connect_s: float
    body_limit: int
    on_fresh_connection: bool = False
    opened: bool = False
    """A new connection was opened, instead of using a kept one."""
    received: int = 0
    ended: bool = False
    """The server has closed its side of the connection."""
    reply: Reply | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        _threads.exchange = self
        return self

    def __exit__(self, *_: object) -> None:
        del _threads.exchange

    def left_s(self) -> float:
        """Return the seconds left, always more than 0.

        Raises:
            CallFailed: the deadline has passed.
        """
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise _timed_out()
        return left

    def take(self, count: int) -> None:
        """Count received bytes; 0 means that the server has closed its side.

        The budget is twice the body limit, because the framing of a chunked body may be as large as the body itself.

        Raises:
            CallFailed: the response exceeds its budget.
        """
        self.received += count
        self.ended = count == 0
        if self.received > 2 * self.body_limit + FRAMING_BYTES:
            raise CallFailed(AnswerName.CONNECTION_LOST, "ConnectionError", "the response is larger than allowed")

    def lost(self) -> CallFailed:
        """Return the failure for a connection that broke, or that did not speak HTTP."""
        is_stale = not self.opened and not self.received
        return CallFailed(
            AnswerName.CONNECTION_LOST,
            "ConnectionError",
            "the connection broke before the response was complete",
            is_stale=is_stale,
        )


def current_exchange() -> Exchange:
    """Return the exchange of the current thread."""
    exchange: Exchange = _threads.exchange
    return exchange


class BoundedSocket(socket.socket):
    """A socket that enforces the deadline and the byte budget of the current exchange."""

    def recv_into(self, buffer: WriteableBuffer, *size_and_flags: int) -> int:
        """Receive bytes.

        Raises:
            CallFailed: the deadline has passed, or the response exceeds its budget.
        """
        exchange = current_exchange()
        self.settimeout(exchange.left_s())
        count = -1
        with suppress(TimeoutError):
            count = super().recv_into(buffer, *size_and_flags)
        if count < 0:
            raise _timed_out()
        exchange.take(count)
        return count

    def sendall(self, data: ReadableBuffer, *flags: int) -> None:
        """Send bytes.

        Raises:
            CallFailed: the deadline has passed.
        """
        self.settimeout(current_exchange().left_s())
        with suppress(TimeoutError):
            super().sendall(data, *flags)
            return
        raise _timed_out()


class BoundedTlsSocket(BoundedSocket, ssl.SSLSocket):  # type: ignore[misc]
    """The same for HTTPS, to be used as `SSLContext.sslsocket_class`."""


def _timed_out() -> CallFailed:
    return CallFailed(
        AnswerName.TIMED_OUT, "ReadTimeout", "the response was not complete within the time that a call may take"
    )
