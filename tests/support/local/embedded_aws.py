"""The embedded AWS: one ministack process from an environment of its own, ended with everything it started."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import boto3
import botocore.session
from botocore.config import Config

from tests.support.local.certificate import write_certificate
from tests.support.local.waiting import NeverHappenedError, wait_until

REGION = "eu-central-1"
START_WITHIN_S = 120.0
TRIES = 3
LIFELINE = Path(__file__).with_name("lifeline.py")

AwsClient: TypeAlias = Any
"""A boto3 client: its methods are made at run time, and stubs exist for some of the services only."""


class EmbeddedAws:
    """A context manager: inside it AWS answers on `url`; after it no process and no file is left.

    `AUTH=true` holds each function to its own role, so that a missing IAM statement fails here and not on AWS. It
    speaks TLS only, as the queues' policies demand.
    """

    def __init__(self, python: Path) -> None:
        """`python` belongs to an environment that holds ministack and boto3 and nothing a layer should bring."""
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        for attempt in range(1, TRIES + 1):
            try:
                self._start(free_port())
            except NeverHappenedError:  # e.g. someone took the port between our look and the server's
                self.close()
                if attempt == TRIES:
                    raise
            except BaseException:
                self.close()
                raise
            else:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cache  # noqa: B019  # one per service for the life of the stack, which is the life of the command
    def client(self, service: str, *, retries: bool = True) -> AwsClient:
        """A boto3 client of this AWS with the all-powerful account `test`; only functions are held to a role."""
        config = Config(proxies={}, retries=None if retries else {"total_max_attempts": 1})
        return _session().client(  # type: ignore[call-overload]  # any service by name
            service, endpoint_url=self.url, verify=str(self.certificate), config=config
        )

    @property
    def certificate(self) -> Path:
        """The certificate to trust, as PEM."""
        if self._scratch is None:
            raise RuntimeError("the embedded AWS does not run")
        return Path(self._scratch.name) / "certificate.pem"

    @property
    def pid(self) -> int | None:
        """The server's process id, which is also its process group's; None when it does not run."""
        return self._process.pid if self._process else None

    def _start(self, port: int) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="vbs-reaper-local-", ignore_cleanup_errors=True)
        scratch = Path(self._scratch.name)
        write_certificate(self.certificate, scratch / "key.pem")
        log = scratch / "ministack.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [self._python, "-I", LIFELINE],
                env=_environment(scratch, port),
                cwd=scratch,
                stdin=subprocess.PIPE,  # never written to: it closes when this process ends, however it does
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # handlers it starts join its group: one signal ends them all
            )
        self.url = f"https://127.0.0.1:{port}"
        try:
            wait_until("the embedded AWS answers", self._is_up, within_s=START_WITHIN_S)
        except NeverHappenedError as never:
            raise NeverHappenedError(f"{never}; it said: {log.read_text(errors='replace')[-2000:]}") from None

    def _is_up(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise NeverHappenedError("the embedded AWS answers: its process has ended")
        try:
            trusted = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.certificate))
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusted)
            with opener.open(f"{self.url}/_ministack/health", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def close(self) -> None:
        """End the server and everything it started; safe to call twice."""
        if self._process is not None:
            # Its state is in memory only, so there is nothing to end gently.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _session() -> boto3.session.Session:
    """A session that heeds nothing of the caller's: no profile, no file of theirs (and, in its clients, no proxy)."""
    heeded_nowhere = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
    session = botocore.session.Session({name: (None, None, value, None) for name, value in heeded_nowhere.items()})
    return boto3.session.Session("test", "test", region_name=REGION, botocore_session=session)


def _environment(scratch: Path, port: int) -> dict[str, str]:
    """All that the server and its handlers see: handlers inherit it, so nothing of the caller's leaks into them."""
    return {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "MINISTACK_SSL_CERT": str(scratch / "certificate.pem"),
        "MINISTACK_SSL_KEY": str(scratch / "key.pem"),
        "PATH": os.defpath,
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
        "TMPDIR": str(scratch),
        "USE_SSL": "1",
    }
