"""Runs one server in its own process, on a socket that is bound before, with JSON lines as commands."""

import json
import select
import socket
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.openstack.environment import PYTHON, ROOT, last_lines, servers_environment

UP_WITHIN_S = 240.0
ANSWERS_WITHIN_S = 60.0
ENDS_WITHIN_S = 60.0


class ServerFaultError(RuntimeError):
    """A server did not start, ended, or failed a command. The message contains the end of its log."""


class Server:
    """A context manager around one process. `url` is available immediately."""

    def __init__(self, module: str, log: Path) -> None:
        self._module = module
        self._log = log
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self, configuration: Path) -> None:
        """Start the process in its own session, so that Ctrl-C reaches only the parent, which stops it."""
        command = [str(PYTHON), "-m", self._module, str(configuration), str(self._listener.fileno())]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=servers_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=[self._listener.fileno()],
                start_new_session=True,
            )
        self._listener.close()

    @property
    def process_id(self) -> int:
        """The ID of the running process."""
        return self._running.pid

    def wait_until_up(self) -> None:
        """Wait until the server answers.

        Raises:
            ServerFaultError: it did not start within `UP_WITHIN_S`.
        """
        self._read_answer(UP_WITHIN_S)

    def ask(self, command: str, **arguments: object) -> object:
        """Run a control command; return its response."""
        with self._turn:
            pipe = self._running.stdin
            assert pipe is not None
            pipe.write(json.dumps({"do": command, **arguments}) + "\n")
            pipe.flush()
            return self._read_answer(ANSWERS_WITHIN_S)

    def stop(self) -> None:
        """Stop the process by closing its input; kill it if it does not end."""
        self._listener.close()
        if self._process is None:
            return
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise ServerFaultError(f"{self._module} is not running")
        return self._process

    def _read_answer(self, within_s: float) -> object:
        pipe = self._running.stdout
        assert pipe is not None
        readable, _, _ = select.select([pipe], [], [], within_s)
        line = pipe.readline() if readable else ""
        if not line:
            raise ServerFaultError(f"{self._module} said nothing:\n{last_lines(self._log)}")
        answer: dict[str, object] = json.loads(line)
        if "error" in answer:
            raise ServerFaultError(f"{self._module}: {answer['error']}")
        return answer["answer"]
