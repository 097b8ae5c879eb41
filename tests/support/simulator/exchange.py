"""A request as read from a connection and an answer as it shall be written to one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

Header = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`raw_path` is what came, byte for byte; `path` is what a WSGI server makes of it: unquoted, without the query."""

    method: str
    raw_path: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of a header, None when it was not sent."""
        return self.headers.get(name.lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`Date` and `Server` are added when it is written; a length must be among the headers."""

    status: int
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    phrase: str = ""
    closes: bool = False

    @property
    def status_line(self) -> str:
        """The first line, with the phrase of the standard where none was given."""
        return f"HTTP/1.1 {self.status} {self.phrase or standard_phrase(self.status)}"


def standard_phrase(status: int) -> str:
    """What the standard calls a status, `Unknown` where it has no word."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def new_request_id() -> str:
    """As OpenStack makes them."""
    return f"req-{uuid4()}"


def to_json(value: Any) -> bytes:  # noqa: ANN401  whatever JSON can hold
    """Written as Python's json writes it: that is how Cinder's answers look, down to their length."""
    return json.dumps(value).encode()


def json_answer(status: int, value: Any) -> Answer:  # noqa: ANN401
    """A plain answer of our own, for what was never measured."""
    body = to_json(value)
    return Answer(
        status=status,
        headers=[("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
        body=body,
    )
