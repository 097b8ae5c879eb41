"""What the product's logger wrote during a test."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vbs_reaper.logs import logger


class LogLines:
    """The lines as text and as the objects they are."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def text(self) -> str:
        """Everything so far."""
        return self.stream.getvalue()

    def all(self) -> list[dict[str, Any]]:
        """Every line so far."""
        return [json.loads(line) for line in self.text().splitlines()]

    def only(self) -> dict[str, Any]:
        """The one line there is."""
        (line,) = self.all()
        return line


@contextmanager
def reading_log(level: int = logging.DEBUG) -> Iterator[LogLines]:
    """Let the logger write into memory, at this level, while the block runs."""
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
