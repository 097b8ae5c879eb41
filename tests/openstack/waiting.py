"""Waiting for what the servers do by themselves."""

import time
from collections.abc import Callable

WITHIN_S = 150.0
PAUSE_S = 0.1


def wait_until(what: str, has_come: Callable[[], bool]) -> None:
    """Look again and again; fails with `what` in its text after `WITHIN_S`."""
    deadline = time.monotonic() + WITHIN_S
    while not has_come():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {WITHIN_S:g} s")
        time.sleep(PAUSE_S)
