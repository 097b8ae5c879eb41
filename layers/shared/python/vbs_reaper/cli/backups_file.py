"""Reads an inventory from a file with the API's response `{"backups": [...]}`, of any length, in pieces."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.record import read_record
from vbs_reaper.errors import InvalidBackupsFile, RunRefused
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.reasons import Reason

PIECE_BYTES: Final = 1 << 20
"""Bytes that are read and decoded at a time."""

_OPENING = re.compile(rb'\s*\{\s*"backups"\s*:\s*\[')
_BETWEEN = re.compile(rb"\}\s*,\s*\Z")
_CUT_ATTEMPTS: Final = 64

Row = TypeVar("Row")


class _ServiceFields(msgspec.Struct, gc=False):
    """The fields of a record that show which service it is from."""

    is_incremental: msgspec.Raw = msgspec.Raw(b"null")
    metadata: msgspec.Raw | UnsetType = UNSET
    service_metadata: msgspec.Raw | UnsetType = UNSET


class _Links(msgspec.Struct):
    """The links beside the list. A link to the next page shows that the list is incomplete."""

    backups_links: list[dict[str, Any]] | None = None


class BackupsFile:
    """The backups in a file. Each iteration reads the file again, so that they are never all in memory."""

    def __init__(self, path: Path, piece_bytes: int = PIECE_BYTES) -> None:
        self._path, self._piece_bytes = path, piece_bytes

    def __iter__(self) -> Iterator[Backup]:
        """Yield every backup.

        Raises:
            InvalidBackupsFile: the file cannot be read, or does not contain a list of backups.
        """
        return self._rows(Backup)

    def inventory(self, service: Service | None, hold_marker: str) -> Inventory:
        """Return the inventory. If `service` is None, the service is detected from the records.

        Only VBS returns `service_metadata`; incremental backups without it are from Cinder. If one record has metadata,
        every record must have it.

        Raises:
            InvalidBackupsFile: the file cannot be read, or does not contain a list of backups.
            RunRefused: the file is one page of a longer list.
        """
        seen_vbs = seen_incremental = with_metadata = False
        for row in self._rows(_ServiceFields):
            seen_vbs |= row.service_metadata is not UNSET
            seen_incremental |= bytes(row.is_incremental) == b"true"
            with_metadata |= row.metadata is not UNSET
        detected: Service = "cinder" if seen_incremental and not seen_vbs else "vbs"
        return Inventory(
            backups=self, service=service or detected, with_metadata=with_metadata, hold_marker=hold_marker
        )

    def _rows(self, row_type: type[Row]) -> Iterator[Row]:
        try:
            with self._path.open("rb") as file:
                yield from self._read(file, row_type)
        except OSError as error:
            raise InvalidBackupsFile(f"{self._path}: {error.strerror or error}") from None

    def _read(self, file: BinaryIO, row_type: type[Row]) -> Iterator[Row]:
        buffer = file.read(self._piece_bytes).removeprefix(b"\xef\xbb\xbf")
        opening = _OPENING.match(buffer)
        if opening is None:
            yield from self._whole(buffer + file.read(), row_type, 0)
            return
        buffer, count = buffer[opening.end() :], 0
        while more := file.read(self._piece_bytes):
            buffer += more
            rows, buffer = _cut(buffer, row_type)
            count += len(rows)
            yield from rows
        yield from self._whole(b'{"backups":[' + buffer, row_type, count)

    def _whole(self, document: bytes, row_type: type[Row], before: int) -> list[Row]:
        """Read the last piece, or a whole file with another beginning. `before` is the number of records before it."""
        try:
            parts = msgspec.json.decode(document, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
            if isinstance(parts, list) or "backups" not in parts:
                raise InvalidBackupsFile(
                    f'{self._path}: is not an object with a list "backups"; give the response of the API'
                )
            links = msgspec.json.decode(document, type=_Links)
            rows = _decode(parts["backups"], row_type)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidBackupsFile(f"{self._path}: {_explain(error, before)}") from None
        if any(link.get("rel") == "next" for link in links.backups_links or ()):
            raise RunRefused(
                Reason.LISTING_INCOMPLETE,
                f"{self._path}: is one page of a longer list (it links to the next page); give the whole list",
            )
        return rows


def _cut(buffer: bytes, row_type: type[Row]) -> tuple[Sequence[Row], bytes]:
    """Return the complete records at the beginning of the buffer, and the bytes after them.

    The buffer begins at the start of a record. If its part before a `}, {` is valid JSON in brackets, that part ends
    with a complete record: a quoted or nested `}, {` would leave brackets or quotes unmatched.
    """
    end = len(buffer)
    for _ in range(_CUT_ATTEMPTS):
        end = buffer.rfind(b"{", 0, end)
        if end < 0:
            break
        between = _BETWEEN.search(buffer, max(0, end - 64), end)
        if between is None:
            continue
        try:
            return _decode(b"[" + buffer[: between.start() + 1] + b"]", row_type), buffer[end:]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return (), buffer


def _decode(rows: bytes | msgspec.Raw, row_type: type[Row]) -> list[Row]:
    """Decode a list. Backups with fields of an unexpected type are read without those fields, as in a cloud's list."""
    try:
        return msgspec.json.decode(rows, type=list[row_type])  # type: ignore[valid-type]
    except msgspec.ValidationError:
        if row_type is not Backup:
            raise
        found = [read_record(row) for row in msgspec.json.decode(rows, type=list[msgspec.Raw])]
        if None in found:
            raise
        return cast("list[Row]", found)


def _explain(error: Exception, before: int) -> str:
    text, _, path = str(error).partition(" - at `$")
    if not isinstance(error, msgspec.ValidationError):
        return "is not JSON" + ("" if isinstance(error, RecursionError) else f": {text}")
    numbered = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + before}]", path.rstrip("`"), count=1)
    return f'"backups{numbered}": {text.replace("`", "").replace("Expected", "expected")}'
