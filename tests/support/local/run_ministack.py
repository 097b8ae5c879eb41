"""Runs ministack until standard input closes, that is until the parent process ends; then kills it with its functions.

The interpreter of the local stack runs this as a script, without this project on its path. Three changes to ministack
make it faster or more reliable on a busy machine.
"""

import importlib
import os
import queue
import runpy
import signal
import sys
import threading
from typing import Any

END_OF_LOG = "end of the log of one invocation"
SCHEDULES_EVERY_S = 1
"""How often schedules are checked; the default of ministack is 10 s."""
QUEUES_WITHIN_S = 0.1
"""How soon a hidden or delayed message is delivered once it is visible; the default of ministack is 1 s."""

LOGGED = f"""
def _logged(handler, event, context):
    try:
        return handler(event, context)
    finally:
        sys.stderr.write("{END_OF_LOG}\\n")
        sys.stderr.flush()
"""


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the parent process closes it or ends
    os.killpg(0, signal.SIGKILL)


def _read_complete_logs() -> None:
    """Make ministack read the log of an invocation to its end.

    ministack stops reading if nothing arrives for 5 ms. On a busy machine, the rest of the log then appears with the
    next invocation of the same environment, or never, and a test that waits for a log line fails.
    """
    runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    script, call = runtime._PYTHON_WORKER_SCRIPT, "handler_fn(event, context)"
    if script.count(call) != 1 or not hasattr(runtime.Worker, "_drain_stderr_bounded"):
        raise RuntimeError("this version of ministack runs functions in a different way; adapt run_ministack.py")
    runtime._PYTHON_WORKER_SCRIPT = LOGGED + script.replace(call, "_logged(handler_fn, event, context)")
    runtime.Worker._drain_stderr_bounded = _read_log


def _read_log(worker: Any, **_waits: float) -> str:  # noqa: ANN401  # a class of ministack
    lines: list[str] = []
    while True:
        has_ended = not worker._stderr_thread.is_alive()  # the environment ended before it wrote the last line
        try:
            line = worker._stderr_queue.get(timeout=0.1)
        except queue.Empty:
            if has_ended:
                break
            continue
        if line == END_OF_LOG:
            break
        lines.append(line)
    return "\n".join(lines)


def _poll_often() -> None:
    """Make ministack check schedules and queues more often."""
    scheduler: Any = importlib.import_module("ministack.services.scheduler")
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULES_EVERY_S
    wake: Any = importlib.import_module("ministack.core.concurrency").esm_wake
    wait = wake.wait
    wake.wait = lambda timeout: wait(min(timeout, QUEUES_WITHIN_S))


if __name__ == "__main__":
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _read_complete_logs()
    _poll_often()
    runpy.run_module("ministack", run_name="__main__")
