"""Speeds up the first invocation of an execution environment."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def wiring() -> Iterator[None]:
    """Disable garbage collection while the clients are created, then freeze them.

    They consist of many objects that live as long as the environment. To be used as a decorator.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
