"""What a purge decides on: every backup of a project, where the list comes from, and when such a list is no good."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import Final
from typing import Literal

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.hold import is_empty_marker

Service = Literal["vbs", "cinder"]
"""On `vbs` every backup stands alone; on `cinder` an incremental one needs those before it."""

CLOCK_LIMIT: Final = timedelta(minutes=5)

HOLD_MARKER: Final = "[hold]"


class PurgeRefused(Exception):
    """The whole run is refused; nothing may be sent. The message is one sentence."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All backups of one project at one moment. `backups` is read once, so a million need not be held as they came.

    `with_metadata` is true where every record must have metadata (API v3 from microversion 3.43). With a `project_id`,
    backups that another project owns are left alone. `endpoint` is the root of the service that listed them, if known.
    """

    backups: Iterable[Backup]
    service: Service = "vbs"
    with_metadata: bool = False
    hold_marker: str = HOLD_MARKER
    project_id: str | None = None
    endpoint: str | None = None

    def __post_init__(self) -> None:
        """Refuse a marker that every text contains."""
        if is_empty_marker(self.hold_marker):
            raise ValueError("the hold marker is empty: every backup would be held")


def check_clock(ours: datetime, theirs: datetime) -> None:
    """Compare our clock with the cloud's `Date`.

    Raises:
        PurgeRefused: they differ by more than five minutes, so no age can be trusted.
    """
    apart = abs(ours - theirs)
    if apart > CLOCK_LIMIT:
        raise PurgeRefused(
            Reason.CLOCK_DOUBT, f"the cloud's clock is {int(apart.total_seconds())} s off ours; 300 s are allowed"
        )
