"""Runs a built function in the Runtime Interface Emulator of Lambda, which aws-sam-cli contains."""

import json
import os
import platform
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.runtime.artefacts import RUNTIME_PYTHON
from tests.runtime.built import SAM

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
PATH_OF_AN_INVOCATION = "/2015-03-31/functions/function/invocations"
STARTS_WITHIN_S = 120
LONGEST_S = 120


def emulator_binary() -> Path:
    """Return the emulator for this machine, in the virtual environment of SAM."""
    (binary,) = SAM.parents[1].glob(f"lib/*/site-packages/samcli/local/rapid/*-rie-{ARCHITECTURE[platform.machine()]}")
    return binary


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The raw response to one invocation."""

    status: int
    body: str

    @property
    def document(self) -> Any:  # noqa: ANN401  # any JSON
        """The body, parsed as JSON."""
        return json.loads(self.body)


class Emulator:
    """One execution environment of one function. Only one invocation at a time: two would crash the emulator."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self._process = process
        self._url = f"http://127.0.0.1:{port}{PATH_OF_AN_INVOCATION}"
        self._log = log

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Invoke the function with one event and wait for its end."""
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(self._url, json=event, timeout=LONGEST_S)
            return Invocation(status=answer.status_code, body=answer.text)

    def printed(self) -> str:
        """Return the output of the function, the runtime and the emulator."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def freeze(self) -> None:
        """Suspend the runtime, so that only the timeout ends the invocation."""
        os.kill(self._runtime(), signal.SIGSTOP)

    def _runtime(self) -> int:
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields.get("PPid") == str(self._process.pid):
                return int(status.parent.name)
        raise LookupError("the emulator runs no runtime")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The content of an execution environment: /var/task, /opt/python, variables and timeout."""

    task: Path
    layers: Path
    variables: Mapping[str, str]
    timeout_s: int


@contextmanager
def running(execution: Execution, scratch: Path) -> Iterator[Emulator]:
    """Start an execution environment, and stop it after the block."""
    port, inner_port = _free_ports()
    log = scratch / "printed.log"
    addresses = [
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{inner_port}"),
    ]
    client = [str(RUNTIME_PYTHON), "-B", "-m", "awslambdaric", "app.lambda_handler"]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(execution.layers),
        "LAMBDA_TASK_ROOT": str(execution.task),
        "AWS_LAMBDA_FUNCTION_NAME": "deleter",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(execution.timeout_s),
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        **execution.variables,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [emulator_binary(), *addresses, *client], cwd=execution.task, env=environment, stdout=output, stderr=output
        )
        try:
            _wait_for(port, process)
            yield Emulator(process, port, log)
        finally:
            process.terminate()  # it ends its runtime
            process.wait(timeout=STARTS_WITHIN_S)


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    last = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < last and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the runtime interface emulator did not start")
