"""The embedded AWS: one ministack process in its own virtual environment, stopped with its child processes."""

import contextlib
import os
import shutil
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
from tests.support.local.waiting import TimedOutError, wait_until

REGION = "eu-central-1"
START_WITHIN_S = 120.0
REMOVE_WITHIN_S = 60.0
TRIES = 3
RUN_MINISTACK = Path(__file__).with_name("run_ministack.py")

AwsClient: TypeAlias = Any
"""A boto3 client. Its methods are created at run time, and type stubs exist for only some services."""


class EmbeddedAws:
    """A context manager: AWS answers on `url` inside the block; no process and no file is left after it.

    `AUTH=true` enforces the role of each function, so that a missing IAM statement fails here and not on AWS. Only TLS
    is served, as the policies of the queues require.
    """

    def __init__(self, python: Path) -> None:
        """`python` is the interpreter of a virtual environment that contains only ministack and boto3."""
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        for attempt in range(1, TRIES + 1):
            try:
                self._start(free_port())
            except TimedOutError:  # for example, another process took the free port first
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

    @cache  # noqa: B019  # one client per service while the stack exists
    def client(self, service: str, *, retries: bool = True) -> AwsClient:
        """Return a boto3 client with all permissions; ministack enforces only the roles of functions."""
        config = Config(proxies={}, retries=None if retries else {"total_max_attempts": 1})
        return _session().client(  # type: ignore[call-overload]  # any service by name
            service, endpoint_url=self.url, verify=str(self.certificate), config=config
        )

    @property
    def certificate(self) -> Path:
        """The path of the certificate to trust, as PEM."""
        if self._scratch is None:
            raise RuntimeError("the embedded AWS is not running")
        return Path(self._scratch.name) / "certificate.pem"

    @property
    def pid(self) -> int | None:
        """The process ID of the server and ID of its process group, or None if it is not running."""
        return self._process.pid if self._process else None

    def _start(self, port: int) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="vbs-reaper-local-", ignore_cleanup_errors=True)
        scratch = Path(self._scratch.name)
        write_certificate(self.certificate, scratch / "key.pem")
        log = scratch / "ministack.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [self._python, "-I", RUN_MINISTACK],
                env=_environment(scratch, port),
                cwd=scratch,
                stdin=subprocess.PIPE,  # closes when this process ends for any reason; run_ministack.py then exits
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # handlers join its process group, so one signal stops them all
            )
        self.url = f"https://127.0.0.1:{port}"
        try:
            wait_until("the embedded AWS answers", self._is_up, within_s=START_WITHIN_S)
        except TimedOutError as never:
            raise TimedOutError(f"{never}; its output: {log.read_text(errors='replace')[-2000:]}") from None

    def _is_up(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise TimedOutError("the embedded AWS answers: its process has ended")
        try:
            trusted = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.certificate))
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusted)
            with opener.open(f"{self.url}/_ministack/health", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def close(self) -> None:
        """Stop the server and its child processes, and remove their files. May be called twice.

        Raises:
            TimedOutError: the files cannot be removed.
        """
        if self._process is not None:
            # Its state is only in memory, so a graceful shutdown is not needed.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None
        if self._scratch is not None:
            remove_folder(Path(self._scratch.name))
            self._scratch.cleanup()  # or Python would remove it once more when this process ends
            self._scratch = None


def remove_folder(folder: Path) -> None:
    """Remove a folder, even if killed processes still write their last files to it, or if it does not exist.

    Raises:
        TimedOutError: after 60 seconds.
    """

    def is_removed() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    wait_until(f"{folder} is removed", is_removed, within_s=REMOVE_WITHIN_S)


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _session() -> boto3.session.Session:
    """Return a session that ignores the profile and the AWS configuration files of the user."""
    heeded_nowhere = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
    session = botocore.session.Session({name: (None, None, value, None) for name, value in heeded_nowhere.items()})
    return boto3.session.Session("test", "test", region_name=REGION, botocore_session=session)


def _environment(scratch: Path, port: int) -> dict[str, str]:
    """Return the environment of the server. Handlers inherit it, so it contains no AWS settings of the user."""
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
