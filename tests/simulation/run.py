"""What the judge records of an invocation: the pass of each record, and the outcome of each call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.aws import Stored


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The outcome of a call according to the decision table.

    `halts_s`: it halts the target for this long; `asks_s`: it asks to wait for this long.
    """

    what: str
    status: int | None = None
    halts_s: float | None = None
    is_certain: bool = False
    """Whether it halts the target although other records get good answers."""
    asks_s: float | None = None
    refuses: str | None = None
    shows: dict[str, Any] | None = None
    is_cut: bool = False


@dataclass(slots=True)
class Pass:
    """The calls and their outcomes for one record."""

    method: str = ""
    backup_id: str = ""
    target: str = ""
    is_login: bool = False
    shown: dict[str, Any] | None = None
    was_seen: bool = False
    survivors: set[str] = field(default_factory=set)
    looked_s: float = 0.0
    looks: int = 0
    """Observations before the DELETE."""
    looks_after: int = 0
    deletes: int = 0
    is_repeat: bool = False
    """Whether a DELETE was sent on a kept connection that broke."""
    accepted: bool = False
    last_status: int | None = None
    halts_s: float | None = None
    asks_s: float = 0.0
    refusals: set[str] = field(default_factory=set)
    sent_onward: bool = False
    lost: bool = False
    """Whether the DELETE may have been accepted without a known answer."""
    missed: str = ""
    """The backup observed last."""
    may_be_gone: bool = False
    """CBR answered that the backup observed last does not exist."""
    confirmed: bool = False
    """A list or a log confirmed that."""
    explains: bool = False
    """This call, and logins for it, only look up why a deletion failed; the outcome has no effect."""
    missed_elsewhere: bool = False
    """It was not found at another address than that of the request."""


@dataclass(slots=True)
class Run:
    """One invocation: its messages, and the current record."""

    number: int
    messages: list[Stored]
    environment: int = 0
    passes: list[Pass] = field(default_factory=list)
    hidden: dict[str, float] = field(default_factory=dict)
    trouble: set[str] = field(default_factory=set)
    receives: list[int] = field(default_factory=list)
    is_direct: bool = False

    def next_record(self) -> None:
        self.passes.append(Pass())

    def had_trouble(self, operation: str) -> None:
        self.trouble.add(operation)

    @property
    def this(self) -> Pass:
        return self.passes[-1]

    @property
    def message(self) -> Stored:
        return self.messages[len(self.passes) - 1]


@dataclass(frozen=True, slots=True)
class Wrong:
    rule: str
    identity: str
    text: str
    at_s: float
