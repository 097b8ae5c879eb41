"""One line of the deleter's log: how one pass of one request ended, and what the cloud answered."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from vbs_reaper.deletion.result import DETAIL_TYPES
from vbs_reaper.reasons import Reason
from vbs_reaper.timestamps import read_instant

ENDS: Final = frozenset(outcome.value for outcome in DETAIL_TYPES)
"""The outcomes that end a request."""
GONE: Final = frozenset({"deleted", "already_gone"})
"""The outcomes after which the backup does not exist."""


class CallLogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP call to the backup service. `status` is the status code, or what stands in for it (`ConnectTimeout`)."""

    operation: str
    status: str
    at: str = ""
    request_id: str = ""
    backup_id: str | None = None
    """Set if the call was about another backup than the request: a survivor."""


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The log fields that the CLI reads. A field that an older version did not write is empty."""

    outcome: str
    request_id: str
    message_id: str = ""
    """Empty if it is the request's ID."""
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
    calls: tuple[CallLogRecord, ...] = ()
    written_at: datetime = datetime.min.replace(tzinfo=UTC)
    """The timestamp of the line in CloudWatch Logs; not a field of the line itself."""

    @property
    def is_end(self) -> bool:
        """Whether the request has ended."""
        return self.outcome in ENDS

    @property
    def is_gone(self) -> bool:
        """Whether the request has ended and the backup does not exist any more."""
        return self.outcome in GONE

    @property
    def known_reason(self) -> Reason | None:
        """The reason, or None if there is none or this version does not know it."""
        return next((each for each in Reason if each.value == self.reason), None)

    @property
    def until(self) -> datetime | None:
        """When the request is delivered again at the earliest; None if it does not wait."""
        return None if self.delay_s is None else self.written_at + timedelta(seconds=self.delay_s)

    @property
    def first_sent_at(self) -> datetime | None:
        """When the request was first sent."""
        return read_instant(self.sent_at)


def read_record(text: str, written_at: datetime) -> LogRecord | None:
    """Read one log line. Returns None if it is not about a pass: a metric or a line of the Lambda runtime."""
    try:
        return msgspec.structs.replace(msgspec.json.decode(text, type=LogRecord), written_at=written_at)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
