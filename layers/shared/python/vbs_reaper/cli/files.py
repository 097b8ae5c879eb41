"""Reads the files that a command's options name."""

from pathlib import Path

from vbs_reaper.errors import CommandError


def read_file(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        CommandError: it cannot be read; the message names the file.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None
