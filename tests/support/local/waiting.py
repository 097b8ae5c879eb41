"""Waiting for something that happens elsewhere: asked again and again until a deadline, never slept for."""

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_S = 0.2
Seen = TypeVar("Seen")


class NeverHappenedError(AssertionError):
    """What was waited for did not happen in time; the text names it."""


def wait_until(what: str, look: Callable[[], Seen | None], *, within_s: float) -> Seen:
    """Return the first look that is true.

    Raises:
        NeverHappenedError: after `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise NeverHappenedError(f"{what}: not within {within_s:g} s")
        time.sleep(PAUSE_S)
