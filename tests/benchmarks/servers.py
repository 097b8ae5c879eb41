"""The stub as a block of code uses it: started in a process of its own, ended by its own input."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.stub_answers import PROJECT_ID, REGION


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """Where it is, and how to log in there."""

    url: str

    @property
    def auth_url(self) -> str:
        """Keystone's address."""
        return f"{self.url}/identity/v3"

    @property
    def backups_url(self) -> str:
        """The backup service's address, as everybody calls it."""
        return f"{self.url}/v3/{PROJECT_ID}/backups"

    def secret(self) -> dict[str, Any]:
        """The target secret of its member."""
        return {
            "auth_type": "v3password",
            "auth": {
                "auth_url": self.auth_url,
                "username": "member",
                "password": "member",
                "user_domain_name": "Default",
                "project_id": PROJECT_ID,
            },
            "region_name": REGION,
            "volume_backup_service": "cinder",
            "insecure_http": True,
        }


@contextmanager
def stub(latency_ms: float = 0.0, certificate: tuple[Path, Path] | None = None) -> Iterator[Stub]:
    """Serve while the block runs; with a certificate and its key, over TLS."""
    command = [sys.executable, "-m", "tests.benchmarks.stub", str(latency_ms), *map(str, certificate or ())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            yield Stub(url=f"{'https' if certificate else 'http'}://127.0.0.1:{port}")
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(10)
