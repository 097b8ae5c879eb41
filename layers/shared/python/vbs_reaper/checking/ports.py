"""What the checker needs besides the backup lists. `aws` implements it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class StackCheck(Protocol):
    """Checks that the stack's own queues and event bus exist."""

    def faults(self) -> tuple[str, ...]:
        """Return one sentence for each part that is missing or cannot be checked."""
        ...


class Bus(Protocol):
    """The event bus that unhealthy targets are announced on."""

    def announce(self, detail_type: str, details: Sequence[msgspec.Struct]) -> bool:
        """Publish events; True only if the bus has taken every one."""
        ...


class TargetMetrics(Protocol):
    """Counts checked targets."""

    def target_is(self, target: str, healthy: bool) -> None:
        """Record the result of a check."""
        ...
