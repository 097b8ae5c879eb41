"""Wiring a function on its first invocation, as fast as that goes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def wiring() -> Iterator[None]:
    """Look for no garbage meanwhile: what is built here is kept while the environment lives.

    boto3's clients are so many objects that the collector would walk over them again and again; later it passes over
    all that is there by then.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
