"""One line of the deleter's log: how one pass over one request ended, and what the cloud said meanwhile."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Final

import msgspec

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.result import DETAIL_TYPES
from vbs_reaper.openstack.backup import read_instant

ENDS: Final = frozenset(outcome.value for outcome in DETAIL_TYPES)
GONE: Final = frozenset({"deleted", "already_gone"})


class CallLine(msgspec.Struct, frozen=True, kw_only=True):
    """One call to the backup service as it went over the wire; `status` is a number, or what stands in its place."""

    operation: str
    status: str
    at: str = ""
    request_id: str = ""
    backup_id: str | None = None
    """Where the call was about another backup: a survivor."""


class PassLine(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that the console reads; what an older version did not write is empty."""

    outcome: str
    request_id: str
    backup_id: str = ""
    target: str = ""
    requested_by: str = ""
    request_reason: str = ""
    sent_at: str = ""
    redrives: int = 0
    receives: int = 1
    reason: str = ""
    detail: str = ""
    delay_s: float | None = None
    status: int | None = None
    cloud_request_id: str = ""
    calls: tuple[CallLine, ...] = ()
    written_at: datetime = datetime.min.replace(tzinfo=UTC)
    """When the line was written: as CloudWatch keeps it, not one of its fields."""

    @property
    def is_end(self) -> bool:
        """Whether the request has ended."""
        return self.outcome in ENDS

    @property
    def is_gone(self) -> bool:
        """Whether it ended with the backup gone."""
        return self.outcome in GONE

    @property
    def known_reason(self) -> Reason | None:
        """The reason as this version knows it; None where there is none, or another version's."""
        return next((each for each in Reason if each.value == self.reason), None)

    @property
    def until(self) -> datetime | None:
        """Until when the request waits at least; None where it does not."""
        return None if self.delay_s is None else self.written_at + timedelta(seconds=self.delay_s)

    @property
    def first_sent_at(self) -> datetime | None:
        """When the request was first sent."""
        return read_instant(self.sent_at)


def read_line(text: str, written_at: datetime) -> PassLine | None:
    """Read one line; None for what is no pass of a request: metrics, the runtime's own lines."""
    try:
        return msgspec.structs.replace(msgspec.json.decode(text, type=PassLine), written_at=written_at)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
