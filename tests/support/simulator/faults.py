"""Faults that tests inject: which calls they apply to, and what they do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.journal import Call, Operation


class Breakage(StrEnum):
    """How a response is damaged in transit."""

    RESET = "reset"
    """No response: the connection is reset (RST)."""
    CLOSE = "close"
    """No response: the connection is closed (FIN)."""
    CUT_HEADERS = "cut_headers"
    """The status line and half of the headers, then closed."""
    TRUNCATED = "truncated"
    """A body shorter than its `Content-Length`, then closed."""
    GARBAGE = "garbage"
    """Bytes that are not HTTP."""
    BAD_CHUNKS = "bad_chunks"
    """`Transfer-Encoding: chunked` with a size that is not a number."""
    CUT_CHUNKS = "cut_chunks"
    """A chunked body without its end, then closed."""
    BAD_GZIP = "bad_gzip"
    """`Content-Encoding: gzip` for a body that is not compressed."""


NO_ANSWER = frozenset({Breakage.RESET, Breakage.CLOSE, Breakage.GARBAGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Applies to the next `times` calls that match (None: to all), each with this probability.

    With a `status` or `body`, the response is made up; otherwise the true response is sent, delayed, slowly or damaged.
    The call is carried out if the true response is needed or `after_work` is set: then, for example, the response is
    lost although the DELETE was accepted.
    """

    operation: Operation | None = None
    method: str | None = None
    backup_id: str | None = None
    reused_connection: bool | None = None
    """True: only calls that are not the first on their connection; False: only those that are."""
    times: int | None = 1
    skip: int = 0
    """The number of matching calls to leave unchanged first."""
    probability: float = 1.0

    after_work: bool = False
    status: int | None = None
    body: BodyShape | None = None
    raw_body: str | None = None
    code: str = ""
    message: str = ""
    size: int = 2 * 1024 * 1024
    """The size of an `OVERSIZED` body in bytes."""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: str | int | None = None
    """Seconds, or an HTTP date."""
    redirect_to: str | None = None
    """The `Location`. The default status is then 302."""
    delay_s: float = 0.0
    """The delay before the first byte of the response. The call is carried out before it."""
    drip_s: float = 0.0
    """The delay between two bytes."""
    breakage: Breakage | None = None

    @property
    def is_made_up(self) -> bool:
        """Whether the response is made up."""
        return any(part is not None for part in (self.status, self.body, self.raw_body, self.redirect_to))

    @property
    def loses_answer(self) -> bool:
        """Whether the client receives no status."""
        return self.breakage in NO_ANSWER

    @property
    def does_work(self) -> bool:
        """Whether the call is carried out."""
        return self.after_work or not (self.is_made_up or self.loses_answer)

    @property
    def answered_status(self) -> int:
        """The status of a made-up response."""
        return self.status or (302 if self.redirect_to else 200)

    def matches(self, call: Call, *, is_first_on_connection: bool) -> bool:
        """Return whether the fault applies to this call."""
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
