"""An inventory from a file: the API's own answer `{"backups": [...]}`, however long, read a piece at a time."""

import re
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import BinaryIO
from typing import Final
from typing import TypeVar
from typing import cast

import msgspec
from msgspec import UNSET
from msgspec import UnsetType

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.record import read_record
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.inventory import Service

PIECE_BYTES: Final = 1 << 20

_OPENING = re.compile(rb'\s*\{\s*"backups"\s*:\s*\[')
_BETWEEN = re.compile(rb"\}\s*,\s*\Z")
_CUTS_TRIED: Final = 64

Row = TypeVar("Row")


class FileRefused(ValueError):
    """The file is no list of backups; the message is one sentence that names the file."""


class _Glance(msgspec.Struct, gc=False):
    """What tells which kind of service a record is from."""

    is_incremental: msgspec.Raw = msgspec.Raw(b"null")
    metadata: msgspec.Raw | UnsetType = UNSET
    service_metadata: msgspec.Raw | UnsetType = UNSET


class _Rest(msgspec.Struct):
    """What may stand beside the list: a link to the next page makes it incomplete."""

    backups_links: list[dict[str, Any]] | None = None


class BackupsFile:
    """The backups in a file, read anew each time they are iterated over."""

    def __init__(self, path: Path, piece_bytes: int = PIECE_BYTES) -> None:
        self._path, self._piece_bytes = path, piece_bytes

    def __iter__(self) -> Iterator[Backup]:
        """Every record, a piece of the file at a time.

        Raises:
            FileRefused: it cannot be read, or is no list of backups.
        """
        return self._rows(Backup)

    def inventory(self, service: Service | None, hold_marker: str) -> Inventory:
        """The inventory; where the kind of service is not said it is told from the records.

        VBS alone shows `service_metadata`; incremental backups without it are Cinder's. Where one record has metadata,
        each must have it.

        Raises:
            FileRefused: as above.
            PurgeRefused: the file is one page of a longer list.
        """
        seen_vbs = seen_incremental = with_metadata = False
        for row in self._rows(_Glance):
            seen_vbs |= row.service_metadata is not UNSET
            seen_incremental |= bytes(row.is_incremental) == b"true"
            with_metadata |= row.metadata is not UNSET
        told: Service = "cinder" if seen_incremental and not seen_vbs else "vbs"
        return Inventory(backups=self, service=service or told, with_metadata=with_metadata, hold_marker=hold_marker)

    def _rows(self, kind: type[Row]) -> Iterator[Row]:
        try:
            with self._path.open("rb") as file:
                yield from self._read(file, kind)
        except OSError as error:
            raise FileRefused(f"{self._path}: {error.strerror or error}") from None

    def _read(self, file: BinaryIO, kind: type[Row]) -> Iterator[Row]:
        buffer = file.read(self._piece_bytes).removeprefix(b"\xef\xbb\xbf")
        opening = _OPENING.match(buffer)
        if opening is None:
            yield from self._whole(buffer + file.read(), kind, 0)
            return
        buffer, count = buffer[opening.end() :], 0
        while more := file.read(self._piece_bytes):
            buffer += more
            rows, buffer = _cut(buffer, kind)
            count += len(rows)
            yield from rows
        yield from self._whole(b'{"backups":[' + buffer, kind, count)

    def _whole(self, document: bytes, kind: type[Row], before: int) -> list[Row]:
        """The last piece, or all of a file that begins otherwise; `before` records were read already."""
        try:
            parts = msgspec.json.decode(document, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
            if isinstance(parts, list) or "backups" not in parts:
                raise FileRefused(f'{self._path}: is no object with a list "backups"; give the API\'s own answer')
            rest = msgspec.json.decode(document, type=_Rest)
            rows = _decode(parts["backups"], kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FileRefused(f"{self._path}: {_explain(error, before)}") from None
        if any(link.get("rel") == "next" for link in rest.backups_links or ()):
            raise PurgeRefused(
                Reason.LISTING_INCOMPLETE,
                f"{self._path}: is one page of a longer list (it links to the next); give all of it",
            )
        return rows


def _cut(buffer: bytes, kind: type[Row]) -> tuple[Sequence[Row], bytes]:
    """As many whole records as the buffer holds, and what follows them.

    A piece that begins where a record may and that is JSON in brackets ends where a record does: no quoted or nested
    `}, {` can pass for an end, as the brackets or the quotes would not match.
    """
    end = len(buffer)
    for _ in range(_CUTS_TRIED):
        end = buffer.rfind(b"{", 0, end)
        if end < 0:
            break
        between = _BETWEEN.search(buffer, max(0, end - 64), end)
        if between is None:
            continue
        try:
            return _decode(b"[" + buffer[: between.start() + 1] + b"]", kind), buffer[end:]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return (), buffer


def _decode(rows: bytes | msgspec.Raw, kind: type[Row]) -> list[Row]:
    """The rows of a list; of backups with odd fields what can be read of them, as of the cloud's own lists."""
    try:
        return msgspec.json.decode(rows, type=list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError:
        if kind is not Backup:
            raise
        found = [read_record(row) for row in msgspec.json.decode(rows, type=list[msgspec.Raw])]
        if None in found:
            raise
        return cast("list[Row]", found)


def _explain(error: Exception, before: int) -> str:
    text, _, path = str(error).partition(" - at `$")
    if not isinstance(error, msgspec.ValidationError):
        return "is no JSON" + ("" if isinstance(error, RecursionError) else f": {text}")
    numbered = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + before}]", path.rstrip("`"), count=1)
    return f'"backups{numbered}": {text.replace("`", "").replace("Expected", "expected")}'
