"""Writes a response to a connection, complete or damaged."""

import os
import socket
import struct
import threading
from dataclasses import dataclass

from tests.support.simulator.exchange import Answer, Header
from tests.support.simulator.faults import Breakage, Fault

LINGER_AND_RESET = struct.pack("ii", 1, 0)
MISSING_BYTES = 4096
GARBAGE = bytes(range(128, 256)) * 2 + b"\r\n\r\n"


def has_no_body(status: int) -> bool:
    """Return whether HTTP forbids a body for this status. A client would read it as the next response."""
    return status < 200 or status in (204, 304)


@dataclass(slots=True, kw_only=True)
class ResponseWriter:
    """Writes responses to one connection."""

    connection: socket.socket
    stopping: threading.Event
    """Ends all delays when set."""

    def send(self, answer: Answer, common_headers: list[Header], fault: Fault | None = None) -> None:
        """Write the response, changed by the fault.

        Raises:
            OSError: the client has disconnected.
        """
        if fault is None:
            self.connection.sendall(_head(answer, common_headers) + _body(answer))
            return
        self.stopping.wait(fault.delay_s)
        if fault.breakage is Breakage.RESET:
            self.reset()
        elif fault.breakage is Breakage.GARBAGE:
            self.connection.sendall(GARBAGE)
        elif fault.breakage is not Breakage.CLOSE:
            self._send_dripping(*_break(answer, common_headers, fault.breakage), fault)

    def reset(self) -> None:
        """Reset the connection (RST)."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_AND_RESET)
        os.close(self.connection.detach())

    def _send_dripping(self, head: bytes, body: bytes, fault: Fault) -> None:
        if not fault.drip_s:
            self.connection.sendall(head + body)
            return
        for byte in head + body:
            if self.stopping.is_set():
                return
            self.connection.sendall(bytes([byte]))
            self.stopping.wait(fault.drip_s)


def closes_connection(answer: Answer, fault: Fault | None) -> bool:
    """Return whether the connection must be closed after this response."""
    return (
        answer.closes or answer.status < 200 or (fault is not None and fault.breakage not in (None, Breakage.BAD_GZIP))
    )


def _head(answer: Answer, common_headers: list[Header]) -> bytes:
    lines = [answer.status_line, *(f"{name}: {value}" for name, value in [*answer.headers, *common_headers])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _body(answer: Answer) -> bytes:
    return b"" if has_no_body(answer.status) else answer.body


def _break(answer: Answer, common_headers: list[Header], breakage: Breakage | None) -> tuple[bytes, bytes]:
    """Return head and body, damaged as requested."""
    body = _body(answer)
    match breakage:
        case Breakage.CUT_HEADERS:
            head = _head(answer, common_headers)
            return head[: len(head) // 2], b""
        case Breakage.TRUNCATED:
            changed = _with_headers(answer, ("Content-Length", str(len(body) + MISSING_BYTES)))
        case Breakage.BAD_CHUNKS:
            changed = _with_headers(answer, ("Transfer-Encoding", "chunked"))
            body = b"what?\r\n" + body + b"\r\n0\r\n\r\n"
        case Breakage.CUT_CHUNKS:
            changed = _with_headers(answer, ("Transfer-Encoding", "chunked"))
            body = b"%x\r\n" % (len(body) + 1) + body
        case Breakage.BAD_GZIP:
            body = body or b"no gzip"
            changed = _with_headers(answer, ("Content-Length", str(len(body))), ("Content-Encoding", "gzip"))
        case _:
            changed = answer
    return _head(changed, common_headers), body


def _with_headers(answer: Answer, *new: Header) -> Answer:
    """Replace the headers about the length and the coding of the body."""
    kept = [header for header in answer.headers if header[0].lower() != "content-length"]
    return Answer(status=answer.status, phrase=answer.phrase, headers=[*kept, *new], body=answer.body)
