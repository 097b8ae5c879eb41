"""What the judge writes down of an invocation: each record's pass, each answer that was heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.aws import Stored


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, as the decision table reads it: `halts_s` where it is a verdict about the target, `asks_s` where it
    says how long to wait.
    """

    what: str
    status: int | None = None
    halts_s: float | None = None
    is_certain: bool = False
    """Whether a verdict about the target counts although other records get good answers."""
    asks_s: float | None = None
    refuses: str | None = None
    shows: dict[str, Any] | None = None
    is_cut: bool = False


@dataclass(slots=True)
class Pass:
    """What was asked and heard for one record."""

    method: str = ""
    backup_id: str = ""
    target: str = ""
    is_login: bool = False
    shown: dict[str, Any] | None = None
    was_seen: bool = False
    survivors: set[str] = field(default_factory=set)
    looked_s: float = 0.0
    looks: int = 0
    """Before the DELETE."""
    looks_after: int = 0
    deletes: int = 0
    accepted: bool = False
    last_status: int | None = None
    halts_s: float | None = None
    asks_s: float = 0.0
    refusals: set[str] = field(default_factory=set)
    sent_onward: bool = False
    lost: bool = False
    """The DELETE may have been accepted, but its answer does not say so."""
    missed: str = ""
    """The backup that was looked at last."""
    may_be_gone: bool = False
    """CBR said that the last backup that was looked at does not exist."""
    confirmed: bool = False
    """A list or a log has confirmed that."""
    explains: bool = False
    """This call, and logins for it, only look for the reason of a failed deletion: its answer decides nothing."""
    missed_elsewhere: bool = False
    """It was not found at an address that is not the request's."""


@dataclass(slots=True)
class Run:
    """One invocation: its messages, and the record that is on."""

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
