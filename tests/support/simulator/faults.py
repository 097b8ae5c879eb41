"""Faults on demand: which calls are spoiled, and how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.journal import Call, Operation


class Breakage(StrEnum):
    """How an answer breaks on its way."""

    RESET = "reset"
    """No answer: the connection is reset (RST)."""
    CLOSE = "close"
    """No answer: the connection is closed (FIN)."""
    CUT_HEADERS = "cut_headers"
    """The status line and half of the headers, then closed."""
    TRUNCATED = "truncated"
    """A body shorter than its `Content-Length`, then closed."""
    GARBAGE = "garbage"
    """Bytes that are no HTTP."""
    BAD_CHUNKS = "bad_chunks"
    """`Transfer-Encoding: chunked` with a size that is no number."""
    CUT_CHUNKS = "cut_chunks"
    """A chunked body without its end, then closed."""
    BAD_GZIP = "bad_gzip"
    """`Content-Encoding: gzip` over what is none."""


NO_ANSWER = frozenset({Breakage.RESET, Breakage.CLOSE, Breakage.GARBAGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the next `times` calls that match (None: to all), each with this probability.

    With a `status` or `body` the answer is made up; without them the true answer is given, and then delayed, dripped
    or broken. The work of the call is done where the true answer is needed, and where `after_work` says so: that is
    the answer lost after the DELETE happened.
    """

    operation: Operation | None = None
    method: str | None = None
    backup_id: str | None = None
    reused_connection: bool | None = None
    """Only calls that are not (True) or are (False) the first on their connection."""
    times: int | None = 1
    skip: int = 0
    """So many matching calls pass unharmed first."""
    probability: float = 1.0

    after_work: bool = False
    status: int | None = None
    body: BodyShape | None = None
    raw_body: str | None = None
    code: str = ""
    message: str = ""
    size: int = 2 * 1024 * 1024
    """Of an `OVERSIZED` body, in bytes."""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: str | int | None = None
    """Seconds, or an HTTP date as text."""
    redirect_to: str | None = None
    """The `Location`; the status is 302 unless another is said."""
    delay_s: float = 0.0
    """Before the first byte of the answer; the work is done before."""
    drip_s: float = 0.0
    """Between two bytes."""
    breakage: Breakage | None = None

    @property
    def is_made_up(self) -> bool:
        """Whether the answer is not the cloud's own."""
        return any(part is not None for part in (self.status, self.body, self.raw_body, self.redirect_to))

    @property
    def loses_answer(self) -> bool:
        """Whether no status ever arrives."""
        return self.breakage in NO_ANSWER

    @property
    def does_work(self) -> bool:
        """Whether the call is carried out."""
        return self.after_work or not (self.is_made_up or self.loses_answer)

    @property
    def answered_status(self) -> int:
        """The status of a made-up answer."""
        return self.status or (302 if self.redirect_to else 200)

    def matches(self, call: Call, *, is_first_on_connection: bool) -> bool:
        """Whether this call is one of those it is for."""
        return (
            self.operation in (None, call.operation)
            and self.method in (None, call.method)
            and self.backup_id in (None, call.backup_id)
            and self.reused_connection in (None, not is_first_on_connection)
        )

    def __str__(self) -> str:
        parts = [str(self.status or ""), self.body or "", self.breakage or "", "after work" if self.after_work else ""]
        parts += [f"delay {self.delay_s} s" if self.delay_s else "", f"drip {self.drip_s} s" if self.drip_s else ""]
        parts += ["redirect" if self.redirect_to else ""]
        return ", ".join(part for part in parts if part) or "nothing"
