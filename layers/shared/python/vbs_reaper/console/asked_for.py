"""What a person asks to delete, from the command line or a file: all of it read and checked before any is sent."""

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from vbs_reaper.console.refusal import Refused
from vbs_reaper.deletion.envelope import BODY_LIMIT
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.request import RequestRefused
from vbs_reaper.deletion.request import read_request
from vbs_reaper.strict_json import JsonRefused
from vbs_reaper.strict_json import read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the input, or one word of the command line; `place` says which."""

    place: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor:
    """The requests in the order they came, each backup once; and a sentence for each that was named again."""

    requests: tuple[DeleteRequest, ...]
    repeats: tuple[str, ...]


def words(ids: Sequence[str]) -> Iterator[Line]:
    """The ids of a command line."""
    for position, text in enumerate(ids, 1):
        yield Line(place=f"id {position}", text=text)


def lines(name: str, content: bytes) -> Iterator[Line]:
    """The lines of a file that say something: blank ones and what follows a `#` do not.

    Raises:
        Refused: it is not UTF-8.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise Refused(f"{name}, line {number}: is not UTF-8; save the file as UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        said = line.strip() if line.lstrip().startswith("{") else line.partition("#")[0].strip()
        if said:
            yield Line(place=f"{name}, line {number}", text=said)


def read_all(given: Sequence[Line], shared: Mapping[str, str], now: datetime) -> AskedFor:
    """Check every line with the reader that the deleter uses; `shared` is what a line does not say itself.

    Raises:
        Refused: the first line that cannot be accepted, by place, field and fix; nothing may be sent then.
    """
    found: dict[tuple[str, str], tuple[str, DeleteRequest]] = {}
    repeats: list[str] = []
    for line in given:
        request = _read(line, shared, now)
        key = (request.backup_id, str(request.target))
        place, first = found.setdefault(key, (line.place, request))
        if place == line.place:
            continue
        if first != request:
            raise Refused(f"{line.place}: asks for the backup of {place} on other terms; keep one of the two")
        repeats.append(f"{line.place} repeats {place}; it is sent once")
    if not found:
        raise Refused("no backup is named; give an id, or a file with one a line")
    return AskedFor(requests=tuple(request for _, request in found.values()), repeats=tuple(repeats))


def _read(line: Line, shared: Mapping[str, str], now: datetime) -> DeleteRequest:
    try:
        return read_request({**shared, **_document(line.text)}, now)
    except RequestRefused as refused:
        raise Refused(f"{line.place}: {refused}; nothing was sent") from None
    except JsonRefused as refused:
        raise Refused(f"{line.place}: {refused}; give a backup's id or a whole request; nothing was sent") from None


def _document(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {"backup_id": text}
    document: dict[str, Any] = read_json(text, limit=BODY_LIMIT)
    if "backup_ids" in document:
        raise RequestRefused('"backup_ids" is for the queue itself; give one backup a line')
    return document


def body_of(request: DeleteRequest) -> str:
    """A request as the queue carries it."""
    return json.dumps(msgspec.to_builtins(request))
