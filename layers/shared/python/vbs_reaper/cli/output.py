"""Writes JSON to standard output, and reports what cannot be written."""

import json
import os
import sys
from typing import Any

from vbs_reaper.errors import CommandError


def print_json(document: Any, indent: int | None = None) -> None:  # noqa: ANN401  # whatever JSON can represent
    """Write a line or a text of JSON, in UTF-8 whatever the locale (RFC 8259 section 8.1)."""
    write_utf8(json.dumps(document, indent=indent))


def write_utf8(text: str) -> None:
    """Write a text and a line end to standard output at once, in UTF-8 whatever the locale."""
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.buffer.flush()


def check_streams() -> None:
    """Replace a closed standard input or standard error by nothing.

    Raises:
        CommandError: standard output is closed; a command is not run if its result cannot be read.
    """
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False)
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8", closefd=False)
    if sys.stdout is None:
        raise CommandError("standard output is closed; nothing was done")


def discard_output() -> None:
    """Send what is left of standard output nowhere: Python flushes it at exit and would report the fault again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
