"""What a plan and its sending need of the holds in the stack's bucket."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.holds import Hold, HoldKind
from vbs_reaper.clock import Clock
from vbs_reaper.errors import BucketUnusable, PlanStoreBusy, RunStopped, RunUnfinished
from vbs_reaper.purge.run_result import name_of
from vbs_reaper.reasons import Reason
from vbs_reaper.text import count, were

ANNOUNCED: Final = timedelta(days=14)
"""How long before its end a hold is announced."""
ANNOUNCED_HOLDS: Final = 10
"""How many ending holds are named."""
DESCRIBED_HOLDS: Final = 500
"""How many holds are described by who wrote them and why, which takes a call to S3 each. The others have their name."""


class PlanHolds:
    """The holds at the moment when a list begins. Remembers which of them hold a listed backup."""

    def __init__(self, cache: HoldCache, now: datetime) -> None:
        """List the holds.

        Raises:
            PlanStoreBusy: they cannot be listed.
        """
        self._cache = cache
        self._now = now
        self._found: dict[Hold, str] = {}
        try:
            self._holds = cache.current()
        except BucketUnusable as unusable:
            raise _unusable(unusable) from None

    def find(self, backup_id: str, volume_id: str | None) -> str | None:
        """Return who holds a backup, why and until when; None if the bucket has no hold on it."""
        hold = self._holds.on_backup(backup_id, volume_id, self._now)
        if hold is None:
            return None
        if hold not in self._found:
            is_described = len(self._found) < DESCRIBED_HOLDS
            self._found[hold] = self._cache.describe(hold) if is_described else f"{hold.period} ({hold.name})"
        return self._found[hold]

    def ending(self) -> Sequence[str]:
        """Return a sentence for each hold that ends within 14 days, soonest first, and one for those not named."""
        soon = [hold for hold in self._found if hold.until is not None and hold.until - self._now <= ANNOUNCED]
        soon.sort(key=lambda hold: (hold.until or self._now, hold.name))
        named = [_sentence(hold, self._found[hold]) for hold in soon[:ANNOUNCED_HOLDS]]
        more = len(soon) - len(named)
        return [*named, f"{more:,} more holds end within 14 days; `vbs-reaper holds` lists them."] if more else named


def check_not_stopped(cache: HoldCache, clock: Clock, policy: str, run: str, sent: int = 0) -> None:
    """Check that the run is not stopped, by holds listed at most 30 seconds ago.

    Raises:
        RunStopped: it is stopped. `sent` requests were sent before.
        RunUnfinished: the holds cannot be listed. `sent` requests were sent before.
    """
    name = name_of(policy, run)
    try:
        stop = cache.current().on_run(name, clock())
    except BucketUnusable as unusable:
        raise RunUnfinished(f"{name}: {_unusable(unusable)}", sent) from None
    if stop is not None:
        before = f"; {count(sent, 'request')} {were(sent)} sent before; what is not accepted yet is withdrawn"
        raise RunStopped(Reason.STOPPED, f"{name} is stopped {cache.describe(stop)}{before if sent else ''}", sent)


def _sentence(hold: Hold, description: str) -> str:
    what = "a volume" if hold.kind is HoldKind.VOLUME else "a backup"
    return f"A hold on {what} ends within 14 days: {description}."


def _unusable(unusable: BucketUnusable) -> PlanStoreBusy:
    return PlanStoreBusy(Reason.PLANS_UNUSABLE, f"the holds cannot be read: {unusable}")
