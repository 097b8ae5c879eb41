"""Reads the deleter's log from CloudWatch Logs: one record per pass, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import boto3

from vbs_reaper.aws.error_codes import AWS_ERRORS
from vbs_reaper.cli.log_record import read_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vbs_reaper.cli.log_record import LogRecord
    from vbs_reaper.cli.stack import Stack

LATE: Final = timedelta(minutes=2)
"""How late a log line may arrive, and how much the clocks of this machine and of AWS may differ."""
PATTERN_LIMIT: Final = 1024
"""Maximum characters of a filter pattern (CloudWatch Logs API reference, "FilterLogEvents")."""
ALL_PASSES: Final = '{ $.outcome = "*" }'


class DeletionLog:
    """The log of a stack's deleter."""

    def __init__(self, stack: Stack) -> None:
        """Find the log group.

        Raises:
            CommandError: the stack has no deleter, or its configuration cannot be read.
        """
        self._stack = stack
        self._logs = boto3.client("logs")
        self._group = self._find_group()

    def passes(self, pattern: str, since: datetime) -> Iterator[LogRecord]:
        """Yield the passes that match a filter pattern and were written after `since`, oldest first.

        Raises:
            CommandError: the log cannot be read.
        """
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group, startTime=int((since - LATE).timestamp() * 1000), filterPattern=pattern
        )
        try:
            for page in pages:
                for event in page["events"]:
                    written_at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    record = read_record(event["message"], written_at)
                    if record is not None:
                        yield record
        except AWS_ERRORS as error:
            raise self._stack.failed("read its deleter's log", error) from None

    def _find_group(self) -> str:
        name = self._stack.output("DeleterFunctionName")
        try:
            return str(
                boto3.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
            )
        except AWS_ERRORS as error:
            raise self._stack.failed("read its deleter's configuration", error) from None


def about(text: str) -> str:
    """Return the filter pattern of the lines that contain this text."""
    return f'"{text}"'


def of_requests(request_ids: Sequence[str]) -> str:
    """Return the filter pattern of the passes of these requests, or of all passes if it would be too long."""
    pattern = "{ " + " || ".join(f'($.request_id = "{request_id}")' for request_id in request_ids) + " }"
    return pattern if len(pattern) <= PATTERN_LIMIT else ALL_PASSES
