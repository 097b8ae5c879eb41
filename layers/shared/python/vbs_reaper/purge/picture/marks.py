"""How a backup is drawn: one letter, one colour and one word for each fate, so that none of them is needed alone."""

from enum import Enum
from typing import Final

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.zone import Micros


class Mark(Enum):
    """A fate: its letter in the calendar and what it says."""

    letter: str
    label: str

    def __init__(self, letter: str, label: str) -> None:
        self.letter, self.label = letter, label

    YEARLY = "Y", "stays by a yearly rule"
    MONTHLY = "M", "stays by a monthly rule"
    WEEKLY = "W", "stays by a weekly rule"
    DAILY = "D", "stays by a daily rule"
    HOURLY = "H", "stays by an hourly rule"
    LAST = "L", "stays as one of the last"
    WITHIN = "T", "stays for its time"
    MINIMUM = "N", "stays as the newest of its group"
    HELD = "P", "stays: put on hold"
    CHAIN = "C", "stays: an incremental one may need it"
    STALE = "S", "stays: its source is stale"
    YOUNG = "A", "stays: not old enough"
    BUSY = "B", "stays: in use"
    DOUBT = "?", "stays: something about it is unknown"
    OTHER = "-", "stays: the policy is not about it"
    GRACE = "~", "goes when its grace is over"
    GOES = "x", "goes now"

    @property
    def css(self) -> str:
        """Its class in the page."""
        return self.name.lower()

    @property
    def stays(self) -> bool:
        """Whether the backup is still there after the purge."""
        return self not in {Mark.GRACE, Mark.GOES}


_BY_REASON: Final = {
    Reason.HELD: Mark.HELD,
    Reason.KEEP_YEARLY: Mark.YEARLY,
    Reason.KEEP_WITHIN_YEARLY: Mark.YEARLY,
    Reason.KEEP_MONTHLY: Mark.MONTHLY,
    Reason.KEEP_WITHIN_MONTHLY: Mark.MONTHLY,
    Reason.KEEP_WEEKLY: Mark.WEEKLY,
    Reason.KEEP_WITHIN_WEEKLY: Mark.WEEKLY,
    Reason.KEEP_DAILY: Mark.DAILY,
    Reason.KEEP_WITHIN_DAILY: Mark.DAILY,
    Reason.KEEP_HOURLY: Mark.HOURLY,
    Reason.KEEP_WITHIN_HOURLY: Mark.HOURLY,
    Reason.KEEP_LAST: Mark.LAST,
    Reason.KEEP_WITHIN: Mark.WITHIN,
    Reason.MIN_KEPT: Mark.MINIMUM,
    Reason.CHAIN_BLOCKED: Mark.CHAIN,
    Reason.SOURCE_STALE: Mark.STALE,
    Reason.TOO_YOUNG: Mark.YOUNG,
    Reason.IN_USE: Mark.BUSY,
    Reason.UNKNOWN_FIELD: Mark.DOUBT,
    Reason.CREATED_IN_FUTURE: Mark.DOUBT,
}
"""What is drawn where several hold: the first of these."""


def mark_of(backup: PlannedBackup, now: Micros) -> Mark:
    """How the backup is drawn."""
    if not backup.keep:
        return Mark.GOES if backup.is_due(now) else Mark.GRACE
    return next((mark for reason, mark in _BY_REASON.items() if reason in backup.reasons), Mark.OTHER)
