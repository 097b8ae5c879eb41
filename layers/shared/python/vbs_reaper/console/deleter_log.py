"""The deleter's log in CloudWatch: which requests passed, how each pass ended, oldest first."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Final

import boto3

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.console.pass_line import read_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from vbs_reaper.console.deployed_stack import DeployedStack
    from vbs_reaper.console.pass_line import PassLine

LATE: Final = timedelta(minutes=2)
"""How late a line of the log may come, and how far the clocks here and there may differ."""
PATTERN_LIMIT: Final = 1024
"""Characters of a filter (CloudWatch Logs API reference, "FilterLogEvents")."""
ALL_PASSES: Final = '{ $.outcome = "*" }'


class DeleterLog:
    """The log of one stack's deleter."""

    def __init__(self, stack: DeployedStack) -> None:
        """Raises `Refused` where the stack has no such function, or it may not be looked at."""
        self._stack = stack
        self._logs = boto3.client("logs")
        self._group = self._find_group()

    def passes(self, pattern: str, since: datetime) -> Iterator[PassLine]:
        """The passes that a filter pattern finds, written since then; oldest first.

        Raises:
            Refused: the log cannot be read.
        """
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group, startTime=int((since - LATE).timestamp() * 1000), filterPattern=pattern
        )
        try:
            for page in pages:
                for event in page["events"]:
                    written_at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    found = read_line(event["message"], written_at)
                    if found is not None:
                        yield found
        except AWS_ERRORS as error:
            raise self._stack.failed("read its deleter's log", error) from None

    def _find_group(self) -> str:
        name = self._stack.output("DeleterFunctionName")
        try:
            return str(
                boto3.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
            )
        except AWS_ERRORS as error:
            raise self._stack.failed("look at its deleter", error) from None


def about(words: str) -> str:
    """The pattern of lines that hold these very words."""
    return f'"{words}"'


def of_requests(request_ids: Sequence[str]) -> str:
    """The pattern of the passes of these requests; where they are too many for one, of every pass."""
    pattern = "{ " + " || ".join(f'($.request_id = "{each}")' for each in request_ids) + " }"
    return pattern if len(pattern) <= PATTERN_LIMIT else ALL_PASSES
