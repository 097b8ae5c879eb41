"""The guards of a run: limits on what its due deletions may do. If one is exceeded, the whole run is refused."""

from fractions import Fraction
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.purge.policy import Guards
from vbs_reaper.text import count

ONLY_COPIES: Final = "max_volumes_left_without"


class GuardReading(msgspec.Struct, frozen=True, kw_only=True):
    """One guard: how many deletions are due and how many it allows. A guard that does not apply is never exceeded.

    `max_volumes_left_without` counts volumes instead of deletions.
    """

    guard: str
    due: int
    allowed: int
    limit: int | float
    applies: bool
    exceeded: bool

    @property
    def sentence(self) -> str:
        """The reading as a sentence without a final period."""
        if not self.applies:
            return f"{self.guard} {self.limit:g} does not apply, because no group loses more than one backup"
        verb = "allows only" if self.exceeded else "allows"
        limit = f"{self.limit:,}" if isinstance(self.limit, int) else f"{self.limit:g}"
        if self.guard == ONLY_COPIES:
            volumes = count(self.due, "volume")
            return f"{volumes} would be left without a copy, {self.guard} {limit} {verb} {self.allowed:,}"
        return f"{self.due:,} due, {self.guard} {limit} {verb} {self.allowed:,}"


def allowed_only_copies(guards: Guards) -> int:
    """Return how many volumes a run may leave without a copy."""
    return 0 if guards.max_volumes_left_without is UNSET else guards.max_volumes_left_without


def read_guard_of_only_copies(guards: Guards, volumes: int) -> GuardReading:
    """Compare the number of volumes that would be left without a copy with their guard."""
    allowed = allowed_only_copies(guards)
    return GuardReading(
        guard=ONLY_COPIES, due=volumes, allowed=allowed, limit=allowed, applies=True, exceeded=volumes > allowed
    )


def read_guards(guards: Guards, due: int, matched: int, most_of_a_group: int) -> tuple[GuardReading, ...]:
    """Compare the number of due deletions with the guards.

    `matched` is the size of the policy's set, `most_of_a_group` the largest number of due deletions in one group.
    `max_fraction` applies only if a group would lose more than one backup.
    """
    by_fraction = int(Fraction(str(guards.max_fraction)) * matched)
    applies = most_of_a_group > 1
    return (
        GuardReading(
            guard="max_deletions",
            due=due,
            allowed=guards.max_deletions,
            limit=guards.max_deletions,
            applies=True,
            exceeded=due > guards.max_deletions,
        ),
        GuardReading(
            guard="max_fraction",
            due=due,
            allowed=by_fraction,
            limit=guards.max_fraction,
            applies=applies,
            exceeded=applies and due > by_fraction,
        ),
    )
