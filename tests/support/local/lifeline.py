"""Runs ministack for as long as the process that started it lives, then kills it and every function it runs.

Run as a script by the stack's own interpreter, which does not contain this project. Standard input is the lifeline.
Also changes three things in ministack on which a busy machine, or a hurried test, would otherwise have to wait.
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
"""How often schedules are checked; ministack itself does it every 10 s."""
QUEUES_WITHIN_S = 0.1
"""How soon a hidden or delayed message is noticed after it became visible; by ministack itself within 1 s."""

LOGGED = f"""
def _logged(handler, event, context):
    try:
        return handler(event, context)
    finally:
        sys.stderr.write("{END_OF_LOG}\\n")
        sys.stderr.flush()
"""


def _hold() -> None:
    sys.stdin.buffer.read()  # returns when the other end is closed, also by the death of the process that holds it
    os.killpg(0, signal.SIGKILL)


def _keep_whole_logs() -> None:
    """Read the log of an invocation to its end.

    ministack stops reading when nothing arrives for 5 ms. On a busy machine the rest of the log then appears with the
    next invocation of the same environment, or never, and whoever follows a deletion in the log waits forever.
    """
    runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    script, call = runtime._PYTHON_WORKER_SCRIPT, "handler_fn(event, context)"
    if script.count(call) != 1 or not hasattr(runtime.Worker, "_drain_stderr_bounded"):
        raise RuntimeError("this version of ministack runs functions in another way; adapt lifeline.py")
    runtime._PYTHON_WORKER_SCRIPT = LOGGED + script.replace(call, "_logged(handler_fn, event, context)")
    runtime.Worker._drain_stderr_bounded = _read_log


def _read_log(worker: Any, **_waits: float) -> str:  # noqa: ANN401  # a class of ministack
    lines: list[str] = []
    while True:
        has_ended = not worker._stderr_thread.is_alive()  # the environment died before it could write the last line
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


def _look_often() -> None:
    """Check schedules and queues more often."""
    scheduler: Any = importlib.import_module("ministack.services.scheduler")
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULES_EVERY_S
    wake: Any = importlib.import_module("ministack.core.concurrency").esm_wake
    wait = wake.wait
    wake.wait = lambda timeout: wait(min(timeout, QUEUES_WITHIN_S))


if __name__ == "__main__":
    threading.Thread(target=_hold, daemon=True).start()
    _keep_whole_logs()
    _look_often()
    runpy.run_module("ministack", run_name="__main__")
