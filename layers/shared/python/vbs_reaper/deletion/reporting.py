"""Logs and metrics must never cost a request anything, whatever is wrong with them."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.ports import Report
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.openstack.answer import Called


class ReportThatNeverRaises:
    """Hands everything on to a report. One that fails has nobody left to tell, so its exceptions end here."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def began(self, message: Message, now: datetime) -> None:
        """See `Report.began`."""
        with suppress(Exception):
            self._report.began(message, now)

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[Called] = (),
    ) -> None:
        """See `Report.decided`."""
        with suppress(Exception):
            self._report.decided(message, request, decision, now, calls)

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        """See `Report.failed`."""
        with suppress(Exception):
            self._report.failed(message, step, error)

    def split(self, message: Message, children: int, refused: int) -> None:
        """See `Report.split`."""
        with suppress(Exception):
            self._report.split(message, children, refused)
