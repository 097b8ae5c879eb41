"""A server that says what it is told, byte for byte, and counts who came."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

Say = Callable[[bytes], None]
Script = Callable[[Say, threading.Event], None]
"""What to do after a request: `say` some bytes; the event ends every wait."""


class ScriptedServer:
    """Carries out the script once per request, on as many connections as come; then the connection stays open."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

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


def saying(*answers: bytes) -> Script:
    """Say these, one per request, the last one again and again."""
    left = list(answers)

    def script(say: Say, _: threading.Event) -> None:
        say(left.pop(0) if len(left) > 1 else left[0])

    return script


def hanging_up(answer: bytes) -> Script:
    """Say this and end the connection."""

    def script(say: Say, _: threading.Event) -> None:
        say(answer)
        raise ConnectionError

    return script


class Flood:
    """A script: says `head`, then more than any answer may have, as far as the other side lets it."""

    PIECE: Final = b"x\r\n" * 16_384
    PIECES: Final = 700
    """Some 32 MiB: several times of what the buffers between the two ends take in."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.said = 0

    def __call__(self, say: Say, _: threading.Event) -> None:
        say(self._head)
        for _piece in range(self.PIECES):
            say(self.PIECE)
            self.said += len(self.PIECE)

    @property
    def was_cut_short(self) -> bool:
        return self.said < self.PIECES * len(self.PIECE)


def dripping(answer: bytes, *, whole: bytes = b"", every_s: float = 0.05) -> Script:
    """Say `whole` at once, then the answer a byte at a time."""

    def script(say: Say, stopping: threading.Event) -> None:
        say(whole)
        for byte in answer:
            if stopping.wait(every_s):
                return
            say(bytes([byte]))

    return script


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
