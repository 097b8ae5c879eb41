"""The guards of a run: limits on the number of due deletions. If one is exceeded, the whole run is refused."""

from fractions import Fraction

import msgspec

from vbs_reaper.purge.policy import Guards


class GuardReading(msgspec.Struct, frozen=True, kw_only=True):
    """One guard: how many deletions are due and how many it allows. A guard that does not apply is never exceeded."""

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
        return f"{self.due:,} due, {self.guard} {limit} {verb} {self.allowed:,}"


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
