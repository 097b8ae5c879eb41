"""A server that writes exactly the bytes of a script, and counts connections and requests."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

Write = Callable[[bytes], None]
Script = Callable[[Write, threading.Event], None]
"""Called for each request with a function that writes bytes, and an event that ends all waits."""


class ScriptedServer:
    """Runs the script once per request, on any number of connections, and keeps them open."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def running(self) -> Iterator["ScriptedServer"]:
        accepting = threading.Thread(target=self._accept)
        accepting.start()
        try:
            yield self
        finally:
            self._stopping.set()
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join()
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in self._threads:
                thread.join()

    @property
    def connections(self) -> int:
        return len(self._connections)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while request := _read_request(connection):
                self.requests.append(request)
                self._script(connection.sendall, self._stopping)


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(65536)
        if not part:
            return b""
        request += part
    return request


def responding(*answers: bytes) -> Script:
    """Write one of these per request, and repeat the last one."""
    left = list(answers)

    def script(write: Write, _: threading.Event) -> None:
        write(left.pop(0) if len(left) > 1 else left[0])

    return script


def closing_after(answer: bytes) -> Script:
    """Write this and close the connection."""

    def script(write: Write, _: threading.Event) -> None:
        write(answer)
        raise ConnectionError

    return script


class Flood:
    """A script that writes `head`, then more than the size limit of a response, until the client disconnects."""

    PIECE: Final = b"x\r\n" * 16_384
    PIECES: Final = 700
    """About 32 MiB in total: several times the size of the socket buffers."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.sent_bytes = 0

    def __call__(self, write: Write, _: threading.Event) -> None:
        write(self._head)
        for _piece in range(self.PIECES):
            write(self.PIECE)
            self.sent_bytes += len(self.PIECE)

    @property
    def was_cut_short(self) -> bool:
        return self.sent_bytes < self.PIECES * len(self.PIECE)


def dripping(answer: bytes, *, whole: bytes = b"", every_s: float = 0.05) -> Script:
    """Write `whole` at once, then the answer byte by byte."""

    def script(write: Write, stopping: threading.Event) -> None:
        write(whole)
        for byte in answer:
            if stopping.wait(every_s):
                return
            write(bytes([byte]))

    return script


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """Return a complete response."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
