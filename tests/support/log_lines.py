"""Captures the log of the product during a test."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vbs_reaper.logs import logger


class LogLines:
    """The captured lines, as text and as JSON objects."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def text(self) -> str:
        """Return all lines as text."""
        return self.stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        """Return all lines."""
        return [json.loads(line) for line in self.text().splitlines()]

    def only(self) -> dict[str, Any]:
        """Return the only line."""
        (line,) = self.all()
        return line


@contextmanager
def reading_log(level: int = logging.DEBUG) -> Iterator[LogLines]:
    """Redirect the logger to memory at this level while the block runs."""
    lines = LogLines()
    handler = logger.registered_handler
    assert isinstance(handler, logging.StreamHandler)
    stream, before = handler.setStream(lines.stream), logger.log_level
    logger.setLevel(level)
    try:
        yield lines
    finally:
        logger.setLevel(before)
        handler.setStream(stream)
