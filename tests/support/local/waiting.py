"""Waits for a condition by polling it until a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_S = 0.2
Result = TypeVar("Result")


class TimedOutError(AssertionError):
    """The condition was not met in time. The message names it."""


def wait_until(what: str, look: Callable[[], Result | None], *, within_s: float) -> Result:
    """Poll until `look` returns a true value, and return it.

    Raises:
        TimedOutError: after `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        result = look()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimedOutError(f"{what}: not within {within_s:g} s")
        time.sleep(PAUSE_S)
