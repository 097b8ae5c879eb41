"""The metrics of a run: those that the functions write to their logs, and those that AWS publishes itself."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.local.function_log import EVER, Sample
from tests.support.local.stack import LocalStack

FUNCTIONS = ("Deleter", "Checker", "Purger")
DAY = timedelta(days=1)


def measured(stack: LocalStack) -> list[Sample]:
    """Return every sample so far."""
    written = [sample for function in FUNCTIONS for sample in stack.log(function).samples()]
    return [*written, *_of_queues(stack), *(each for name in FUNCTIONS for each in of_function(stack, name))]


def dashboard(stack: LocalStack) -> list[dict[str, Any]]:
    """Return the widgets of the deployed dashboard, with the names of the queues and functions of this stack."""
    cloudwatch = stack.aws.client("cloudwatch")
    (entry,) = cloudwatch.list_dashboards()["DashboardEntries"]
    body = cloudwatch.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"]
    widgets: list[dict[str, Any]] = json.loads(body)["widgets"]
    return widgets


def _of_queues(stack: LocalStack) -> Iterator[Sample]:
    """Yield what AWS/SQS publishes: the counts of each GetQueueAttributes of the run."""
    for queue, depth in stack.depths:
        dimensions = {"QueueName": stack.outputs[f"{queue}QueueUrl"].rpartition("/")[2]}
        counts = {"Visible": depth.visible, "NotVisible": depth.hidden, "Delayed": depth.delayed}
        for name, count in counts.items():
            yield Sample(
                namespace="AWS/SQS", name=f"ApproximateNumberOfMessages{name}", dimensions=dimensions, value=count
            )


def of_function(stack: LocalStack, function: str, since: datetime = EVER) -> list[Sample]:
    """Return what AWS/Lambda publishes. The emulator publishes Throttles.

    Its metric Errors does not count invocations by the event source mapping, so errors are read from the logs.
    """
    dimensions = {"FunctionName": stack.outputs[f"{function}FunctionName"]}
    throttles = stack.aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=since,
        EndTime=datetime.now(UTC) + DAY,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    counts = {"Errors": stack.log(function).errors(since), "Throttles": sum(each["Sum"] for each in throttles)}
    return [
        Sample(namespace="AWS/Lambda", name=name, dimensions=dimensions, value=count) for name, count in counts.items()
    ]
