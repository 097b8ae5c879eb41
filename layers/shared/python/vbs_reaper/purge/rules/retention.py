"""The keep rules, which behave as those of restic's `forget`.

Each rule is applied to a group independently of the others, and a copy is kept if at least one rule keeps it. A count
rule keeps the newest copy of each of the newest n periods that have one; if there are fewer than n such periods, it
also keeps the oldest copy of all. A `within` rule keeps the copies that are younger than a duration, counted back from
the newest copy by the calendar. Tests compare the results with those of restic.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

from msgspec import UNSET

from vbs_reaper.purge.calendar.duration import read_duration
from vbs_reaper.purge.calendar.zone import DAY, HOUR, MONTH, WEEK, YEAR, Micros, Zone
from vbs_reaper.purge.policy import KeepRules
from vbs_reaper.reasons import Reason

KeptBy = int
"""The rules that keep a copy, one bit per rule; 0 if no rule keeps it."""

RULES: Final = (
    Reason.KEEP_LAST,
    Reason.KEEP_HOURLY,
    Reason.KEEP_DAILY,
    Reason.KEEP_WEEKLY,
    Reason.KEEP_MONTHLY,
    Reason.KEEP_YEARLY,
    Reason.KEEP_WITHIN,
    Reason.KEEP_WITHIN_HOURLY,
    Reason.KEEP_WITHIN_DAILY,
    Reason.KEEP_WITHIN_WEEKLY,
    Reason.KEEP_WITHIN_MONTHLY,
    Reason.KEEP_WITHIN_YEARLY,
    Reason.KEEP_OLDEST,
    Reason.MIN_KEPT,
)

PERIOD_RULES: Final = frozenset(
    {
        Reason.KEEP_HOURLY,
        Reason.KEEP_DAILY,
        Reason.KEEP_WEEKLY,
        Reason.KEEP_MONTHLY,
        Reason.KEEP_YEARLY,
        Reason.KEEP_WITHIN_HOURLY,
        Reason.KEEP_WITHIN_DAILY,
        Reason.KEEP_WITHIN_WEEKLY,
        Reason.KEEP_WITHIN_MONTHLY,
        Reason.KEEP_WITHIN_YEARLY,
    }
)
"""The rules that keep one copy of each period. It makes the older copies of its period superfluous."""

_BIT: Final[dict[str, KeptBy]] = {rule: 1 << position for position, rule in enumerate(RULES)}
_OLDEST: Final = _BIT[Reason.KEEP_OLDEST]
MIN_KEPT: Final = _BIT[Reason.MIN_KEPT]

_PERIODS: Final = {"hourly": HOUR, "daily": DAY, "weekly": WEEK, "monthly": MONTH, "yearly": YEAR}


@cache
def reasons_of(kept_by: KeptBy) -> tuple[Reason, ...]:
    """Return the rules as reasons, in the order of `RULES`."""
    return tuple(rule for rule in RULES if kept_by & _BIT[rule])


class Retention:
    """The keep rules of one policy, in the policy's time zone."""

    def __init__(self, rules: KeepRules, zone: Zone, min_kept: int) -> None:
        self._zone = zone
        self._min_kept = min_kept
        self._last = 0 if rules.last is UNSET else rules.last
        self._within = None if rules.within is UNSET else read_duration(rules.within)
        self._counts = [
            (_BIT[f"keep_{name}"], period, count)
            for name, period in _PERIODS.items()
            if (count := getattr(rules, name)) is not UNSET
        ]
        self._spans = [
            (_BIT[f"keep_within_{name}"], period, read_duration(span))
            for name, period in _PERIODS.items()
            if (span := getattr(rules, f"within_{name}")) is not UNSET
        ]

    def apply(self, copies: Sequence[Micros]) -> list[KeptBy]:
        """Return the rules that keep each copy of a group. `copies` are creation times, newest first."""
        kept = [0] * len(copies)
        if not copies:
            return kept
        for position in range(min(self._min_kept, len(copies))):
            kept[position] |= MIN_KEPT
        for position in range(min(self._last, len(copies))):
            kept[position] |= _BIT[Reason.KEEP_LAST]
        self._keep_within(kept, copies)
        if self._counts or self._spans:
            self._keep_by_period(kept, copies)
        return kept

    def _keep_within(self, kept: list[KeptBy], copies: Sequence[Micros]) -> None:
        if self._within is None:
            return
        limit = self._zone.back(copies[0], self._within)
        for position, made_at in enumerate(copies):
            if made_at <= limit:
                return
            kept[position] |= _BIT[Reason.KEEP_WITHIN]

    def _keep_by_period(self, kept: list[KeptBy], copies: Sequence[Micros]) -> None:
        periods = [self._zone.periods(made_at) for made_at in copies]
        for bit, period, count in self._counts:
            _keep_count(kept, bit, [numbers[period] for numbers in periods], count)
        for bit, period, span in self._spans:
            limit = self._zone.back(copies[0], span)
            young = sum(1 for made_at in copies if made_at > limit)
            _keep_count(kept, bit, [numbers[period] for numbers in periods[:young]], len(copies) + 1)


def _keep_count(kept: list[KeptBy], bit: int, periods: Sequence[int], count: int) -> None:
    """Mark the first copy of each of the first `count` periods; if there are fewer, mark the oldest copy too."""
    last = None
    for position, period in enumerate(periods):
        if period != last:
            kept[position] |= bit
            last = period
            count -= 1
            if not count:
                return
    if len(periods) == len(kept) and not kept[-1] & bit:
        kept[-1] |= bit | _OLDEST
