"""One invocation of the purger, and what was observed of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.cloud import Project
from tests.simulation.run import Run

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.policy_reading import Reading


@dataclass(slots=True)
class Purge(Run):
    """An invocation: its event, the listed rows and the sent requests."""

    event: dict[str, Any] = field(default_factory=dict)
    project: Project | None = None
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_whole: bool = False
    is_doubtful: bool = False
    listed_at: datetime | None = None
    held: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    """The backups with a hold in the bucket that it must have seen, and those that it may have seen."""
    fresh: Reading | None = None
    """The result of an approved plan's policy on this list."""
    sent: set[str] = field(default_factory=set)
    marked_before: frozenset[str] = frozenset()
    changed_before: frozenset[str] = frozenset()
    attempt: int = 1

    @property
    def name(self) -> str:
        """The name in the trace: policy and event."""
        asked = self.event.get("run") or self.event["approve"]
        return f"purge {asked['policy']} {self.event.get('scheduled_time') or asked.get('plan', '')[:12]}"

    @property
    def is_approval(self) -> bool:
        return "approve" in self.event


def purge_of(life: Life) -> Purge:
    """Return the current invocation of an environment of the purger."""
    assert isinstance(life.run, Purge)
    return life.run
