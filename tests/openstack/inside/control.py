"""How the starter steers a server: one JSON line per command on the standard input, one per answer on the output."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping


class Control:
    """The server's end; everything else that a library prints goes to the log."""

    def __init__(self) -> None:
        self._answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def serve(self, commands: Mapping[str, Callable[..., object]]) -> None:
        """Write that the server is up, then obey until the input ends: no server outlives who started it."""
        self._answer(answer="up")
        for line in sys.stdin:
            command = json.loads(line)
            try:
                self._answer(answer=commands[command.pop("do")](**command))
            except Exception as fault:  # the starter is to know, whatever it was
                traceback.print_exc()
                self._answer(error=f"{type(fault).__name__}: {fault}")

    def _answer(self, **fields: object) -> None:
        self._answers.write(json.dumps(fields) + "\n")
        self._answers.flush()


def end_at_once() -> None:
    """End without waiting for the services' threads: they never end by themselves, and nothing of theirs is kept."""
    sys.stderr.flush()
    os._exit(0)
