"""The input of a plan: every backup of a project, and where the list comes from. Also checks the cloud's clock."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.hold_marker import HOLD_MARKER, is_empty_marker
from vbs_reaper.clock import MAX_CLOCK_SKEW
from vbs_reaper.errors import RunRefused
from vbs_reaper.reasons import Reason

FindHold = Callable[[str, str | None], str | None]
"""Takes the IDs of a backup and of its volume; returns a description of the hold on it, or None."""


def _no_hold(_backup_id: str, _volume_id: str | None) -> None:
    """Return None: no hold is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All backups of one project at one moment.

    `backups` is iterated once, so it may be an iterator that does not keep a million records in memory. `with_metadata`
    means that every record must have metadata (API v3 from microversion 3.43). If `project_id` is given, backups that
    belong to another project are kept. `endpoint` is the root of the service that listed the backups, if known.
    `find_hold` returns who holds a backup, and why, according to the stack's bucket. Available backups younger than
    `minimum_age` are kept.
    """

    backups: Iterable[Backup]
    service: Service = "vbs"
    with_metadata: bool = False
    hold_marker: str = HOLD_MARKER
    project_id: str | None = None
    endpoint: str | None = None
    find_hold: FindHold = _no_hold
    minimum_age: timedelta = timedelta()

    def __post_init__(self) -> None:
        """Reject a hold marker that every text contains."""
        if is_empty_marker(self.hold_marker):
            raise ValueError("the hold marker is empty: every backup would be held")


def check_clock(now: datetime, cloud_now: datetime) -> None:
    """Compare the local clock with the cloud's, which is the `Date` header of a response.

    Raises:
        RunRefused: they differ by more than five minutes, so the ages of backups cannot be trusted.
    """
    skew = abs(now - cloud_now)
    if skew > MAX_CLOCK_SKEW:
        raise RunRefused(
            Reason.CLOCK_DOUBT,
            f"the cloud's clock and the local clock differ by {int(skew.total_seconds())} s; at most 300 s are allowed",
        )
