"""Reads the log of a function from CloudWatch Logs: its structured lines and its metrics (EMF)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.support.local.embedded_aws import AwsClient

FAILURES = ("Traceback (most recent call last):", "Task timed out")
"""How a line of the runtime about a failed invocation begins."""

EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of a metric with one set of dimensions, as CloudWatch extracts it from an EMF line."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    value: float


class FunctionLog:
    """One log group. Every call reads it again, because the emulator gives lines no IDs to continue from.

    With `since`, only later lines are read, because reading a long log is slow.
    """

    def __init__(self, logs: AwsClient, group: str) -> None:
        """`logs` is a boto3 client of CloudWatch Logs."""
        self._pages = logs.get_paginator("filter_log_events")
        self._group = group

    def messages(self, since: datetime = EVER) -> list[str]:
        """Return every line, including those of the runtime (START, END, REPORT)."""
        return [event["message"] for event in self._events(since)]

    def errors(self, since: datetime = EVER) -> int:
        """Return how many invocations raised or timed out. The emulator creates a log stream for each invocation."""
        return len({event["logStreamName"] for event in self._events(since) if event["message"].startswith(FAILURES)})

    def documents(self, since: datetime = EVER) -> list[dict[str, Any]]:
        """Return every line that is a JSON object."""
        return list(_documents(self.messages(since)))

    def samples(self, since: datetime = EVER) -> list[Sample]:
        """Return every value of every metric."""
        return list(samples(self.documents(since)))

    def _events(self, since: datetime = EVER) -> Iterator[dict[str, Any]]:
        for page in self._pages.paginate(logGroupName=self._group, startTime=int(since.timestamp() * 1000)):
            yield from page["events"]


def samples(documents: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    """Yield the samples in EMF documents (CloudWatch guide, "Specification: Embedded metric format")."""
    for document in documents:
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            for dimension_set in directive["Dimensions"]:
                dimensions = {name: str(document[name]) for name in dimension_set}
                for metric in directive["Metrics"]:
                    values = document[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        yield Sample(
                            namespace=directive["Namespace"], name=metric["Name"], dimensions=dimensions, value=value
                        )


def total(metrics: Iterable[Sample], name: str, **dimensions: str) -> float:
    """Return the sum of one metric over the samples that have at least these dimensions."""
    return sum(
        sample.value for sample in metrics if sample.name == name and dimensions.items() <= sample.dimensions.items()
    )


def _documents(messages: Iterable[str]) -> Iterator[dict[str, Any]]:
    for message in messages:
        try:
            document = json.loads(message)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document
