"""The guards of a run: limits on what is due that refuse it whole."""

from fractions import Fraction

import msgspec

from vbs_reaper.purge.policy import Guards


class GuardReading(msgspec.Struct, frozen=True, kw_only=True):
    """One guard: what is due against what is allowed. One that does not apply is never exceeded."""

    guard: str
    due: int
    allowed: int
    limit: int | float
    applies: bool
    exceeded: bool

    @property
    def sentence(self) -> str:
        """How near it was, for people."""
        if not self.applies:
            return f"{self.guard} {self.limit:g} does not apply: no group loses more than one"
        verb = "allows only" if self.exceeded else "allows"
        limit = f"{self.limit:,}" if isinstance(self.limit, int) else f"{self.limit:g}"
        return f"{self.due:,} due, {self.guard} {limit} {verb} {self.allowed:,}"


def read_guards(guards: Guards, due: int, matched: int, most_of_a_group: int) -> tuple[GuardReading, ...]:
    """Hold what is due against the guards. `most_of_a_group` is how many the group that loses most loses."""
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
