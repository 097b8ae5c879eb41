"""Controls a server: reads commands as JSON lines from standard input, writes responses to standard output."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping


class Control:
    """The server side of the control channel. All other output is redirected to the log."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def serve(self, commands: Mapping[str, Callable[..., object]]) -> None:
        """Report that the server is up, then run commands until the input ends, for example with the parent process."""
        self._answer(answer="up")
        for line in sys.stdin:
            command = json.loads(line)
            try:
                self._answer(answer=commands[command.pop("do")](**command))
            except Exception as fault:  # any error is reported to the parent process
                traceback.print_exc()
                self._answer(error=f"{type(fault).__name__}: {fault}")

    def _answer(self, **fields: object) -> None:
        self._answers.write(json.dumps(fields) + "\n")
        self._answers.flush()


def exit_now() -> None:
    """Exit without waiting for the threads of the services, which never end."""
    sys.stderr.flush()
    os._exit(0)
