"""One line per step, with its seconds: a set-up of minutes must show where it is."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str) -> Iterator[None]:
    """Print what was done and how long it took, also when it failed."""
    started = time.monotonic()
    end = "failed after"
    try:
        yield
        end = "in"
    finally:
        print(f"openstack: {what} {end} {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
