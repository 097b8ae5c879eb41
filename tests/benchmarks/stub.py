"""A cloud and an AWS that always say the same, after a latency, in a process of their own: they cost us nothing.

`python -m tests.benchmarks.stub LATENCY_MS [CERTIFICATE KEY]` prints its port and serves until its input ends.
"""

import asyncio
import json
import re
import ssl
import sys
from typing import Final

from tests.benchmarks.stub_answers import PROJECT_ID, answer_aws, backup, page, token, versions

_LENGTH: Final = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_TARGET: Final = re.compile(rb"x-amz-target: *([A-Za-z0-9_.]+)", re.IGNORECASE)
_BACKUP: Final = re.compile(rf"/v[23]/{PROJECT_ID}/backups/([0-9a-f-]{{36}})")


class Speaker(asyncio.Protocol):
    """One connection: a request, a wait, an answer, and so on."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection's other end."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if length and len(body) < int(length[1]):
            return
        self._received = b""
        asyncio.get_running_loop().call_later(self._latency_s, self._say, answer(head, body))

    def _say(self, text: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(text)


def answer(head: bytes, body: bytes) -> bytes:
    """What is said to a request, whole."""
    if found := _TARGET.search(head):
        return _written(200, answer_aws(found[1].decode(), json.loads(body)), "x-amzn-RequestId: benchmark")
    method, url, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
    path, _, query = url.partition("?")
    if method == "DELETE":
        return _written(202, b"")
    if path.endswith("/auth/tokens"):
        host = re.search(rb"host: *([^\r]+)", head, re.IGNORECASE)
        assert host
        return _written(201, token(host[1].decode()), f"X-Subject-Token: {'gAAAAA' + 'x' * 180}")
    if path.endswith("/backups/detail"):
        return _written(200, page(query))
    if named := _BACKUP.fullmatch(path):
        return _written(*backup(named[1]))
    return _written(200, versions(path))


def _written(status: int, body: bytes, *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} OK",
        "Content-Type: application/json",
        "OpenStack-API-Version: volume 3.0",
        "x-openstack-request-id: req-5f1a1d8e-7a4e-4c9a-9d55-3b1c2d4e5f60",
        f"Content-Length: {len(body)}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


async def _serve(latency_s: float, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Speaker(latency_s), "127.0.0.1", 0, ssl=tls, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve as the arguments say."""
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[2], sys.argv[3])
    asyncio.run(_serve(float(sys.argv[1]) / 1000, tls))


if __name__ == "__main__":
    main()
