"""Prints one line per step with its duration, because the setup takes minutes."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print the step and its duration, even if it fails."""
    started = time.monotonic()
    end = "failed after"
    try:
        yield
        end = "in"
    finally:
        print(f"openstack: {what} {end} {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
