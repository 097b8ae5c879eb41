"""The legend: letter, colour and label for each verdict, so that readers do not depend on one of them alone."""

from enum import Enum
from typing import Final

from vbs_reaper.purge.calendar.zone import Micros
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.reasons import Reason


class Mark(Enum):
    """How a verdict is shown: the letter in the calendar and the label."""

    letter: str
    label: str

    def __init__(self, letter: str, label: str) -> None:
        self.letter, self.label = letter, label

    YEARLY = "Y", "kept by a yearly rule"
    MONTHLY = "M", "kept by a monthly rule"
    WEEKLY = "W", "kept by a weekly rule"
    DAILY = "D", "kept by a daily rule"
    HOURLY = "H", "kept by an hourly rule"
    LAST = "L", "kept as one of the last copies"
    WITHIN = "T", "kept because it is recent"
    MINIMUM = "N", "kept: minimum per group"
    HELD = "P", "kept: on hold"
    CHAIN = "C", "kept: an incremental backup may need it"
    STALE = "S", "kept: its group has no recent copy"
    YOUNG = "A", "kept: not old enough"
    BUSY = "B", "kept: in use"
    DOUBT = "?", "kept: a field is unknown or implausible"
    OTHER = "-", "kept: the policy does not apply to it"
    GRACE = "~", "to be deleted when its grace ends"
    GOES = "x", "to be deleted now"

    @property
    def css(self) -> str:
        """The CSS class in the page."""
        return self.name.lower()


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
"""If a backup has several of these reasons, the mark of the first one is shown."""


def mark_of(backup: PlannedBackup, now: Micros) -> Mark:
    """Return the mark of a backup."""
    if not backup.keep:
        return Mark.GOES if backup.is_due(now) else Mark.GRACE
    return next((mark for reason, mark in _BY_REASON.items() if reason in backup.reasons), Mark.OTHER)
