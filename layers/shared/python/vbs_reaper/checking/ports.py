"""What the checker needs besides the backup lists. `aws` implements it."""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

ENABLED: Final = "Enabled"
"""The state of the event source mapping while the deleter receives requests."""


class OwnSide(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about the stack itself.

    `faults` has one sentence for each part that is missing or cannot be checked. `deleter` is the state of the event
    source mapping of the deleter, such as `Enabled` or `Disabled`; None if it cannot be read. A pause is not a fault.
    """

    healthy: bool
    faults: tuple[str, ...]
    deleter: str | None


class StackCheck(Protocol):
    """Checks that the stack's own queues and event bus exist, and whether the deleter is paused."""

    def check(self) -> OwnSide:
        """Look at every part of the stack."""
        ...


class Bus(Protocol):
    """The event bus that unhealthy targets are announced on."""

    def announce(self, detail_type: str, details: Sequence[msgspec.Struct]) -> bool:
        """Publish events; True only if the bus has taken every one."""
        ...


class CheckMetrics(Protocol):
    """Records what a check has found."""

    def target_is(self, target: str, healthy: bool) -> None:
        """Record the health of a target."""
        ...

    def deleter_is(self, enabled: bool) -> None:
        """Record whether the deleter receives requests."""
        ...

    def scheduled_check(self, stack_faults: int, unhealthy_targets: int) -> None:
        """Record the result of a scheduled check."""
        ...

    def scheduled_runs(self, policy: str, runs: int) -> None:
        """Count scheduled runs of a policy; 0 records that they are expected."""
        ...
