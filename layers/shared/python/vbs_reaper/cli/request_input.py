"""Reads requests from the command line or a file. All of them are checked before any is sent."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vbs_reaper.cli.files import BYTE_ORDER_MARK, decode
from vbs_reaper.deletion.envelope import BODY_LIMIT
from vbs_reaper.deletion.request import QUOTABLE_KEYS, DeleteRequest, read_request
from vbs_reaper.errors import CommandError, InvalidJson, InvalidRequest
from vbs_reaper.strict_json import read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a file or one ID of the command line. `place` says which, for messages."""

    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInput:
    """The requests in input order, one per backup, and a message for each line that repeats an earlier one."""

    requests: tuple[DeleteRequest, ...]
    repeats: tuple[str, ...]


def argument_lines(ids: Sequence[str]) -> Iterator[Line]:
    """Yield the IDs of the command line."""
    for position, text in enumerate(ids, 1):
        yield Line(place=f"ID {position}", text=text)


def file_lines(name: str, content: bytes) -> Iterator[Line]:
    """Yield the lines of a file without blank lines and comments (from `#` on, except in a JSON line).

    Raises:
        CommandError: the content is not UTF-8.
    """
    text = decode(content, name).removeprefix(BYTE_ORDER_MARK)
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip() if line.lstrip().startswith("{") else line.partition("#")[0].strip()
        if stripped:
            yield Line(place=f"{name}, line {number}", text=stripped)


def read_requests(lines: Sequence[Line], defaults: Mapping[str, str], now: datetime) -> RequestInput:
    """Read and check all lines with the deleter's own reader. `defaults` are the fields that a line does not set.

    Raises:
        CommandError: names the first line that is invalid, the field and the fix; nothing may be sent then.
    """
    found: dict[tuple[str, str], tuple[str, DeleteRequest]] = {}
    repeats: list[str] = []
    for line in lines:
        request = _read(line, defaults, now)
        key = (request.backup_id, str(request.target))
        place, first = found.setdefault(key, (line.place, request))
        if place == line.place:
            continue
        if first.fields != request.fields:
            raise CommandError(f"{line.place}: requests the backup of {place} with other fields; keep one of the two")
        repeats.append(f"{line.place} repeats {place}; it is sent once")
    if not found:
        raise CommandError("no backup is named; give backup IDs, or a file with one per line")
    return RequestInput(requests=tuple(request for _, request in found.values()), repeats=tuple(repeats))


def _read(line: Line, defaults: Mapping[str, str], now: datetime) -> DeleteRequest:
    try:
        return read_request({**defaults, **_document(line.text)}, now)
    except InvalidRequest as error:
        raise CommandError(f"{line.place}: {error}; nothing was sent") from None
    except InvalidJson as error:
        raise CommandError(
            f"{line.place}: {error}; give a backup ID, or a whole request on one line; nothing was sent"
        ) from None


def _document(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {"backup_id": text}
    document: dict[str, Any] = read_json(text, limit=BODY_LIMIT, quotable=QUOTABLE_KEYS)
    if "backup_ids" in document:
        raise InvalidRequest('"backup_ids" is only accepted in the queue; give one backup per line')
    return document


def body_of(request: DeleteRequest) -> str:
    """Return a request as the body of its message."""
    return json.dumps(request.fields)
