"""One request and its answer on the wire: how long they may take, how far they got, and how they failed.

Every byte passes sockets that know the exchange of their thread, so no drip outlasts the deadline (a read timeout
alone does not end one: it starts anew with each byte), and no flood outgrows the memory (a limit on what is asked of
http.client alone does not stop one: it reads a chunk of -1 bytes to its end).
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.openstack.answer import AnswerName

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from _typeshed import WriteableBuffer

FRAMING_BYTES: Final = 1024 * 1024
"""What may come besides a body: status line, headers, trailers, interim answers. Real ones have some KiB of these."""


class CallFailed(Exception):
    """No usable answer came. Holds words of ours only: never a request with its headers, nor another exception."""

    def __init__(self, name: AnswerName, status_code: str, message: str, *, is_stale: bool = False) -> None:
        super().__init__(message)
        self.name = name
        self.status_code = status_code
        """What stands in the place of a status in the metrics."""
        self.message = message
        self.is_stale = is_stale
        """A connection kept from before was dead when it was used: worth one repeat on a fresh one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back. `headers` are looked up without regard to case; the body is empty where it was too long."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    broken: CallFailed | None = None
    """Why the body is not whole: then only the status line can be believed."""


@dataclass(slots=True, kw_only=True)
class Exchange:
    """The state of one exchange; belongs to one thread."""

    ends_at: float
    """By `time.monotonic`."""
    connect_s: float
    body_limit: int
    on_fresh_connection: bool = False
    opened: bool = False
    """It needed a connection of its own, instead of one kept from before."""
    received: int = 0
    ended: bool = False
    """The other side has said that nothing more comes."""
    reply: Reply | None = field(default=None, repr=False)

    def left_s(self) -> float:
        """Seconds left, more than none.

        Raises:
            CallFailed: the deadline is over.
        """
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise _timed_out()
        return left

    def take(self, count: int) -> None:
        """Count the bytes that have come; none means that the other side has ended.

        Twice the limit, as a body in chunks has their framing in between: no more than the body itself, where a chunk
        has five bytes or more.

        Raises:
            CallFailed: more has come than an answer may have.
        """
        self.received += count
        self.ended = count == 0
        if self.received > 2 * self.body_limit + FRAMING_BYTES:
            raise CallFailed(AnswerName.CONNECTION_LOST, "ConnectionError", "more came than an answer may have")

    def lost(self) -> CallFailed:
        """The failure of a connection that broke off, or spoke no HTTP."""
        is_stale = not self.opened and not self.received
        return CallFailed(
            AnswerName.CONNECTION_LOST,
            "ConnectionError",
            "the connection broke before the whole answer was there",
            is_stale=is_stale,
        )


_threads = threading.local()


@contextmanager
def exchanging(exchange: Exchange) -> Iterator[Exchange]:
    """Let everything this thread puts on the wire belong to this exchange."""
    _threads.exchange = exchange
    try:
        yield exchange
    finally:
        del _threads.exchange


def current_exchange() -> Exchange:
    """The exchange of this thread."""
    exchange: Exchange = _threads.exchange
    return exchange


class BoundedSocket(socket.socket):
    """A socket that waits no longer than its exchange may take, and takes in no more than it may have."""

    def recv_into(self, buffer: WriteableBuffer, *size_and_flags: int) -> int:
        """Wait for bytes as long as the exchange has time.

        Raises:
            CallFailed: the deadline is over, or more has come than an answer may have.
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
        """Send as long as the exchange has time.

        Raises:
            CallFailed: the deadline is over.
        """
        self.settimeout(current_exchange().left_s())
        with suppress(TimeoutError):
            super().sendall(data, *flags)
            return
        raise _timed_out()


class BoundedTlsSocket(BoundedSocket, ssl.SSLSocket):  # type: ignore[misc]
    """The same for https: an `SSLContext.sslsocket_class`."""


def _timed_out() -> CallFailed:
    return CallFailed(AnswerName.TIMED_OUT, "ReadTimeout", "no whole answer within the time a call may take")
