"""A cloud that always gives the same answers, after a latency, in a process of its own: its CPU time is not measured.

`python -m tests.benchmarks.stub LATENCY_MS` prints its port and serves until its standard input ends.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

PROJECT_ID: Final = "5a1e0c7b9d3f4826a0b4c6d8e2f01357"
GONE: Final = "dead4f6a-7c1d-4e2f-9a3b-"
"""Backups whose ID begins with this do not exist."""
BACKUPS_PER_VOLUME: Final = 100
TOKEN: Final = "gAAAAA" + "x" * 180
_NEWEST: Final = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
_LENGTH: Final = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_HOST: Final = re.compile(rb"host: *([^\r]+)", re.IGNORECASE)
_ENDPOINT: Final = (
    '{"id": "%s", "type": "%s", "name": "%s", "endpoints": [{"id": "e", "interface": "public", "region": "eu-de",'
    ' "region_id": "eu-de", "url": "%%(url)s%s"}]}'
)
_DOMAIN: Final = '{"id": "default", "name": "Default"}'
_LOGIN: Final = (
    '{"token": {"methods": ["password"], "issued_at": "%(now)s", "expires_at": "%(tomorrow)s",'
    f' "user": {{"domain": {_DOMAIN}, "id": "u", "name": "member"}}, "roles": [{{"id": "r", "name": "member"}}],'
    f' "project": {{"domain": {_DOMAIN}, "id": "{PROJECT_ID}", "name": "backups"}}, "catalog": ['
    + _ENDPOINT % (*["identity"] * 3, "/identity/v3")
    + ", "
    + _ENDPOINT % (*["block-storage"] * 3, f"/v3/{PROJECT_ID}")
    + "]}}"
)
_KEYSTONE_VERSION: Final = '{"version": {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": "%s"}]}}'
_CINDER_VERSIONS: Final = (
    '{"versions": [{"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0",'
    ' "links": [{"rel": "self", "href": "/v3/"}]}]}'
)
_LINK: Final = f'{{"rel": "self", "href": "https://vbs.example/v3/{PROJECT_ID}/backups/%(id)s"}}'
_BACKUP: Final = (
    '{"id": "%(id)s", "status": "available", "size": 10, "object_count": 0, "availability_zone": "eu-de-01",'
    ' "container": "volumebackups", "created_at": "%(made_at)s", "updated_at": "%(made_at)s",'
    ' "name": "daily-%(age)04d", "description": null, "metadata": {}, "fail_reason": null,'
    ' "volume_id": "7d2f3a10-58c4-4b7e-8f19-%(volume)s",'
    f' "links": [{_LINK}, {_LINK}], "is_incremental": false, "has_dependent_backups": false, "snapshot_id": null,'
    f' "data_timestamp": "%(made_at)s", "os-bak-tenant-attr:tenant_id": "{PROJECT_ID}",'
    r' "service_metadata": " {\"bootable\": false, \"Type\": 0}"}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """Where the stub listens, and how to log in."""

    url: str

    @property
    def auth_url(self) -> str:
        """Keystone's URL."""
        return f"{self.url}/identity/v3"

    @property
    def backups_url(self) -> str:
        """The URL of the backups."""
        return f"{self.url}/v3/{PROJECT_ID}/backups"

    def secret(self) -> dict[str, Any]:
        """Return the target secret."""
        user = {"username": "member", "password": "member", "user_domain_name": "Default", "project_id": PROJECT_ID}
        return {
            "auth_type": "v3password",
            "auth": {"auth_url": self.auth_url, **user},
            "region_name": "eu-de",
            "volume_backup_service": "cinder",
            "insecure_http": True,
        }


@contextmanager
def stub(latency_ms: float = 0.0) -> Iterator[Stub]:
    """Run the stub in another process."""
    command = [sys.executable, "-m", "tests.benchmarks.stub", str(latency_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Stub(url=f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.stdin.close()
            process.wait(10)


class Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when the request is complete."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and len(body) >= (int(length[1]) if length else 0):
            self._received = b""
            asyncio.get_running_loop().call_later(self._latency_s, self._transport.write, _answer(head))


def _answer(head: bytes) -> bytes:
    method, url, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
    path, _, query = url.partition("?")
    backup_id = path.rpartition("/")[2]
    if method == "DELETE":
        return _response(202, "")
    if path.endswith("/auth/tokens"):
        host = _HOST.search(head)
        now = datetime.now(UTC)
        times = {"now": f"{now:%Y-%m-%dT%H:%M:%SZ}", "tomorrow": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
        url = f"http://{host[1].decode()}" if host else ""
        return _response(201, _LOGIN % {"url": url, **times}, f"X-Subject-Token: {TOKEN}\r\n")
    if path.endswith("/backups/detail"):
        return _response(200, _page(query))
    if backup_id.startswith(GONE):
        said = f"Backup {backup_id} could not be found."
        return _response(404, f'{{"itemNotFound": {{"code": 404, "message": "{said}"}}}}')
    if "/backups/" in path:
        return _response(200, f'{{"backup": {_record(backup_id, 0)}}}')
    return _response(200, _KEYSTONE_VERSION % path if path.startswith("/identity") else _CINDER_VERSIONS)


def _response(status: int, body: str, header: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nOpenStack-API-Version: volume 3.0\r\n"
        f"x-openstack-request-id: req-1\r\n{header}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


@lru_cache(maxsize=128)
def _page(query: str) -> str:
    """Return a page of an endless list, in which the backups of a volume are sorted by age."""
    asked = parse_qs(query)
    marker = asked.get("marker", [""])[0]
    first = int(marker.rpartition("-")[2], 16) + 1 if marker else 0
    numbers = range(first, first + int(asked.get("limit", ["1000"])[0]))
    return f'{{"backups": [{", ".join(_record(listed_id(number), number) for number in numbers)}]}}'


def listed_id(number: int) -> str:
    """Return the ID of a backup of the list."""
    return f"0b5e4f6a-7c1d-4e2f-9a3b-{number:012x}"


def _record(backup_id: str, number: int) -> str:
    volume, age = divmod(number, BACKUPS_PER_VOLUME)
    made_at = f"{_NEWEST - timedelta(days=age):%Y-%m-%dT%H:%M:%S}.000000"
    return _BACKUP % {"id": backup_id, "volume": f"{volume:012x}", "age": age, "made_at": made_at}


async def _serve(latency_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(latency_s), "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]) / 1000))
