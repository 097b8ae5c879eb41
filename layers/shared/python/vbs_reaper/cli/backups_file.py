"""Reads an inventory from a file with the API's response `{"backups": [...]}`, of any length, in pieces."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec
from msgspec import UNSET

from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.record import read_record
from vbs_reaper.clouds.apis.cbr_v3 import CBR_V3
from vbs_reaper.errors import InvalidBackupsFile, RunRefused
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.reasons import Reason
from vbs_reaper.strict_json import find_doubled_keys

PAGE_LIMIT: Final = 1000
"""Maximum number of backups in one response, by default (Cinder's option `osapi_max_limit`)."""
PIECE_BYTES: Final = 1 << 20
"""Bytes that are read and decoded at a time."""

_OPENING = re.compile(rb'\s*\{\s*"backups"\s*:\s*\[')
_BETWEEN = re.compile(rb"\}\s*,\s*\Z")
_CUT_ATTEMPTS: Final = 64

_TOP_LEVEL: Final = frozenset({"backups", "backups_links"})
_FIELDS: Final = {
    "id": "id",
    "volume_id": "volume_id",
    "status": "status_text",
    "created_at": "created_at_text",
    "name": "name",
    "description": "description",
    "metadata": "metadata",
    "resource_id": "volume_id",
}
"""The keys that every plan depends on, with the attributes of a record. To check all keys would double the time."""
_ESCAPED_LETTER: Final = re.compile(rb"\\u00[2-7]")
"""A printable ASCII character that is escaped, although it need not be: a key may be spelled so."""


_ReadRecord = Callable[[msgspec.Raw], Backup | None]


class _DoubledKey(Exception):
    def __init__(self, row: int, key: str) -> None:
        super().__init__(key)
        self.row, self.key = row, key


class _Beside(msgspec.Struct):
    """What is beside the list. A link to the next page, or a larger count, shows that the list is incomplete."""

    backups_links: list[dict[str, Any]] | None = None
    count: Any = None


class BackupsFile:
    """The backups in a file. Each iteration reads the file again, so that they are never all in memory."""

    def __init__(self, path: Path, piece_bytes: int = PIECE_BYTES) -> None:
        self._path, self._piece_bytes = path, piece_bytes
        self._read_record: _ReadRecord | None = None
        """How to read a record whose fields have other names than those of `Backup`. `inventory` finds out."""
        self.notes: list[str] = []
        """What a person should know about the file, found by `inventory`."""

    def __iter__(self) -> Iterator[Backup]:
        """Yield every backup.

        Raises:
            InvalidBackupsFile: the file cannot be read, or does not contain a list of backups.
        """
        return self._rows(check_keys=False)

    def inventory(self, service: Service | None, hold_marker: str) -> Inventory:
        """Return the inventory. If `service` is None, the service is detected from the records.

        Only CBR returns `resource_type`, and only VBS `service_metadata`; incremental backups without them are from
        Cinder. If one record has metadata, every record must have it.

        Raises:
            InvalidBackupsFile: the file cannot be read, or does not contain a list of backups.
            RunRefused: the file is one page of a longer list.
        """
        seen_cbr = seen_vbs = seen_incremental = with_metadata = False
        count = 0
        for row in self._rows(check_keys=True):
            count += 1
            seen_cbr |= row.resource_type is not UNSET or "resource_type" in row.odd_fields
            seen_vbs |= row.service_metadata is not UNSET or "service_metadata" in row.odd_fields
            seen_incremental |= row.is_incremental is True
            with_metadata |= row.metadata is not UNSET or "metadata" in row.odd_fields
        detected: Service = "cbr" if seen_cbr else "cinder" if seen_incremental and not seen_vbs else "vbs"
        if service is None and count and not (seen_cbr or seen_vbs or seen_incremental):
            self.notes.append(
                f"Nothing in {self._path} tells which service it is from; it is read as {detected}: see --service."
            )
        if count == PAGE_LIMIT:
            self.notes.append(
                f"{self._path} has exactly {count:,} backups, so it may end at the API's limit for a page: make sure "
                "that it is the whole list, or use --cloud."
            )
        self._read_record = CBR_V3.read_record if seen_cbr else None
        return Inventory(
            backups=self, service=service or detected, with_metadata=with_metadata, hold_marker=hold_marker
        )

    def _rows(self, *, check_keys: bool) -> Iterator[Backup]:
        try:
            with self._path.open("rb") as file:
                yield from self._read(file, check_keys)
        except _DoubledKey as error:
            raise InvalidBackupsFile(
                f'{self._path}: "backups[{error.row}]" names the key "{error.key}" twice; keep one of them'
            ) from None
        except OSError as error:
            raise InvalidBackupsFile(f"{self._path}: {error.strerror or error}") from None

    def _read(self, file: BinaryIO, check_keys: bool) -> Iterator[Backup]:
        read = None if check_keys else self._read_record
        buffer = file.read(self._piece_bytes).removeprefix(b"\xef\xbb\xbf")
        opening = _OPENING.match(buffer)
        if opening is None:
            yield from self._whole(buffer + file.read(), check_keys, 0, read)
            return
        buffer, count = buffer[opening.end() :], 0
        while more := file.read(self._piece_bytes):
            buffer += more
            rows, buffer = _cut(buffer, check_keys, count, read)
            count += len(rows)
            yield from rows
        yield from self._whole(b'{"backups":[' + buffer, check_keys, count, read)

    def _check_top_level(self, document: bytes) -> None:
        """Check that the list and its links are named once: of two lists, only the second one would be read."""
        may_be_twice = any(document.count(b'"%s"' % name.encode()) > 1 for name in _TOP_LEVEL)
        if not may_be_twice and not _ESCAPED_LETTER.search(document):
            return
        for name in _TOP_LEVEL & find_doubled_keys(document, "")[1]:
            raise InvalidBackupsFile(f'{self._path}: names the key "{name}" twice, on the top level; keep one of them')

    def _whole(self, document: bytes, check_keys: bool, before: int, read: _ReadRecord | None) -> list[Backup]:
        """Read the last piece, or a whole file with another beginning. `before` is the number of records before it."""
        try:
            parts = msgspec.json.decode(document, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
            if isinstance(parts, list) or "backups" not in parts:
                raise InvalidBackupsFile(
                    f'{self._path}: is not an object with a list "backups"; give the whole response of GET '
                    "…/backups/detail (CBR: …/backups), because the openstack client leaves fields out"
                )
            self._check_top_level(document)
            beside = msgspec.json.decode(document, type=_Beside)
            rows = _decode(parts["backups"], check_keys, before, read)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidBackupsFile(f"{self._path}: {_explain(error, before)}") from None
        count = before + len(rows)
        has_link = any(link.get("rel") == "next" for link in beside.backups_links or ())
        if has_link or (isinstance(beside.count, int) and beside.count > count):
            why = "it links to the next page" if has_link else f"it has {count:,} of {beside.count:,} backups"
            raise RunRefused(
                Reason.LISTING_INCOMPLETE,
                f"{self._path}: is one page of a longer list ({why}); give the whole list",
            )
        return rows


def _cut(buffer: bytes, check_keys: bool, before: int, read: _ReadRecord | None) -> tuple[Sequence[Backup], bytes]:
    """Return the complete records at the beginning of the buffer, and the bytes after them.

    `before` is the number of records before the buffer.

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
            return _decode(b"[" + buffer[: between.start() + 1] + b"]", check_keys, before, read), buffer[end:]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return (), buffer


def _decode(rows: bytes | msgspec.Raw, check_keys: bool, before: int, read: _ReadRecord | None) -> list[Backup]:
    """Decode a list. A field of an unexpected type is left out, as in a list from the cloud.

    Raises:
        _DoubledKey: `check_keys` is true, and a record has one of `_FIELDS` twice.
    """
    try:
        found: list[Backup | None] = msgspec.json.decode(rows, type=list[Backup])
        found = found if read is None else _read_each(rows, read)
    except msgspec.ValidationError:
        found = _read_each(rows, read or read_record)
        if None in found:
            raise
    backups = cast("list[Backup]", found)
    if check_keys:
        _check_rows(bytes(rows), backups, before)
    return backups


def _read_each(rows: bytes | msgspec.Raw, read: _ReadRecord) -> list[Backup | None]:
    return [read(row) for row in msgspec.json.decode(rows, type=list[msgspec.Raw])]


def _check_rows(rows: bytes, backups: Sequence[Backup], before: int) -> None:
    """Check that no record has one of `_FIELDS` twice.

    To count the keys is cheap. Only if a count differs from the number of records with that field, or a letter is
    escaped, each record is read again.
    """
    if not _ESCAPED_LETTER.search(rows):
        counts = ((rows.count(b'"%s"' % name.encode()), attribute) for name, attribute in _FIELDS.items())
        if all(
            count == sum(getattr(each, attribute) is not UNSET for each in backups)
            for count, attribute in counts
            if count
        ):
            return
    for number, row in enumerate(msgspec.json.decode(rows, type=list[msgspec.Raw]), before):
        for key in sorted(_FIELDS.keys() & find_doubled_keys(bytes(row), "")[1]):
            raise _DoubledKey(number, key)


def _explain(error: Exception, before: int) -> str:
    text, _, path = str(error).partition(" - at `$")
    if not isinstance(error, msgspec.ValidationError):
        return "is not JSON" + ("" if isinstance(error, RecursionError) else f": {text}")
    numbered = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + before}]", path.rstrip("`"), count=1)
    return f'"backups{numbered}": {text.replace("`", "").replace("Expected", "expected")}'
