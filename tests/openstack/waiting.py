"""Waits for conditions of the servers."""

import time
from collections.abc import Callable

WITHIN_S = 150.0
PAUSE_S = 0.1


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    """Poll until the condition is true; raise an AssertionError with `what` after `WITHIN_S`."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {WITHIN_S:g} s")
        time.sleep(PAUSE_S)
