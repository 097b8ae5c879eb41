"""An HTTP request as read from a connection, and a response to be written to one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

Header = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`raw_path` is exactly what was received; `path` is what WSGI passes on: unquoted and without the query."""

    method: str
    raw_path: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None."""
        return self.headers.get(name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`headers` must contain the length. `Date` and `Server` are added when it is written."""

    status: int
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    phrase: str = ""
    closes: bool = False

    @property
    def status_line(self) -> str:
        """The status line, with the standard phrase by default."""
        return f"HTTP/1.1 {self.status} {self.phrase or standard_phrase(self.status)}"


def standard_phrase(status: int) -> str:
    """Return the standard phrase of a status, or `Unknown`."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def new_request_id() -> str:
    """Return a request ID in the form of OpenStack."""
    return f"req-{uuid4()}"


def to_json(value: Any) -> bytes:  # noqa: ANN401  any JSON
    """Encode as Python's json does, because Cinder does the same: lengths must be equal."""
    return json.dumps(value).encode()


def json_answer(status: int, value: Any) -> Answer:  # noqa: ANN401
    """Return a plain JSON response, for responses that were not measured."""
    body = to_json(value)
    return Answer(
        status=status,
        headers=[("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
        body=body,
    )
