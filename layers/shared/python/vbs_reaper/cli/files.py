"""Reads the files that a command's options name, and text from outside."""

from pathlib import Path
from typing import Final

from vbs_reaper.errors import CommandError

BYTE_ORDER_MARK: Final = "\ufeff"


def read_file(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        CommandError: it cannot be read; the message names the file.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from None


def decode(data: bytes, where: str) -> str:
    """Return UTF-8 text; a byte order mark at its beginning stays.

    Raises:
        CommandError: it is not UTF-8; the message begins with `where` and names UTF-16, which editors on Windows write.
    """
    is_utf_16 = data.startswith((b"\xff\xfe", b"\xfe\xff")) or (len(data) > 1 and b"\0" in data[:2])
    try:
        if not is_utf_16:
            return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CommandError(f"{where}, line {line}: is not UTF-8; save it as UTF-8") from None
    raise CommandError(f"{where}: is UTF-16; save it as UTF-8")
