"""The metrics of a local stack as in CloudWatch, and which of its alarms would be on.

The emulator evaluates no alarms. The metrics of the functions are read from their logs. Of the metrics of AWS, the
emulator publishes only those of Lambda; those of SQS are derived from the messages in the queue, according to the SQS
guide ("Available CloudWatch metrics for Amazon SQS").
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from tests.e2e.operator_cli import OperatorCli
from tests.infrastructure.alarm_state import Period, state
from tests.infrastructure.rendered import Rendered
from tests.infrastructure.test_alarms import first_command, metrics_of
from tests.support.local.fixtures import CLOCK_STEP, WITHIN_S, is_empty
from tests.support.local.function_log import Sample, total
from tests.support.local.metrics import FUNCTIONS, of_function
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud

SCHEDULED_TIME: Final = "2026-11-28T03:00:00Z"
NOTHING: Final[Period] = ()
LOGICAL_ID: Final = re.compile(r"\$\{(\w+)(?:\.\w+)?\}")
RECEIVED_TOO_OFTEN: Final = 3
"""A message with at least this many receives is not counted as the oldest."""


class AlarmMonitor:
    """The metrics of one stack in the current period, and the alarms of its template."""

    def __init__(self, stack: LocalStack, **parameters: str) -> None:
        """`parameters` of the template, which determine the alarms."""
        self.stack = stack
        self._since = datetime.now(UTC) - CLOCK_STEP
        self.alarms = Rendered({"AWS::StackName": stack.name, **parameters}).every("CloudWatch::Alarm")
        names = self._physical_names()
        for metric in (metric for alarm in self.alarms.values() for metric in metrics_of(alarm)):
            for each in metric.get("Dimensions", []):
                each["Value"] = LOGICAL_ID.sub(lambda found: names[found[1]], each["Value"])
        self._looks = Counter[str]()
        """How often each message was received by this monitor."""
        self.begin_period()

    def _physical_names(self) -> dict[str, str]:
        """Logical ID → name of every resource; of a queue, the physical ID is its URL."""
        found = self.stack.aws.client("cloudformation").describe_stack_resources(StackName=self.stack.name)
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"].rpartition("/")[2] for each in found["StackResources"]
        }

    def is_on(self, name: str, periods: Sequence[Period], before: str = "OK") -> bool:
        """Whether an alarm is on after these periods, oldest first."""
        return state(self.alarms[name], periods, before) == "ALARM"

    def periods_until_off(self, name: str, raised: Period, repaired: Period) -> int:
        """Return how many periods like `repaired` it takes until an alarm is off again."""
        lengths = range(1, int(self.alarms[name]["EvaluationPeriods"]) + 1)
        return next(n for n in lengths if not self.is_on(name, [raised, *n * [repaired]], before="ALARM"))

    def begin_period(self) -> None:
        """Start a new period: earlier samples no longer count."""
        self._began = datetime.now(UTC)
        self._written_before = self._all_written()
        self._of_deleter_before = of_function(self.stack, "Deleter", self._since)

    def written(self) -> list[Sample]:
        """Return what the functions have written in this period."""
        return _without(self._written_before, self._all_written())

    def _all_written(self) -> list[Sample]:
        return [sample for function in FUNCTIONS for sample in self.stack.log(function).samples(self._since)]

    def of_deleter(self) -> list[Sample]:
        """Return what AWS/Lambda would publish about the deleter in this period."""
        now = of_function(self.stack, "Deleter", self._since)
        return [
            Sample(namespace=each.namespace, name=each.name, dimensions=each.dimensions, value=each.value - old.value)
            for each, old in zip(now, self._of_deleter_before, strict=True)
        ]

    def of_queue(self, queue: str, at: datetime | None = None) -> list[Sample]:
        """Return what AWS/SQS would publish about a queue at a time (default: now) if nothing happens until then.

        Each message of the queue must be visible.
        """
        visible = self.stack.depth(queue).visible
        messages = self._look(queue) if visible else []
        values: dict[str, float] = {
            "ApproximateNumberOfMessagesVisible": visible,
            "NumberOfMessagesSent": sum(_sent_at(each) >= self._began for each in messages),
        }
        if queue == "Delete":  # each pass of the deleter has an outcome
            values["NumberOfMessagesReceived"] = total(self.written(), "Outcomes")
        if ages := [
            ((at or datetime.now(UTC)) - _sent_at(each)).total_seconds()
            for each in messages
            if int(each["Attributes"]["ApproximateReceiveCount"]) - self._looks[each["MessageId"]] < RECEIVED_TOO_OFTEN
        ]:
            values["ApproximateAgeOfOldestMessage"] = max(ages)
        dimensions = {"QueueName": self.stack.outputs[f"{queue}QueueUrl"].rpartition("/")[2]}
        return [
            Sample(namespace="AWS/SQS", name=name, dimensions=dimensions, value=value) for name, value in values.items()
        ]

    def _look(self, queue: str) -> list[dict[str, Any]]:
        received = self.stack.aws.client("sqs").receive_message(
            QueueUrl=self.stack.outputs[f"{queue}QueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            AttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = received.get("Messages", [])
        self._looks.update(each["MessageId"] for each in messages)
        return messages

    def check(self, *targets: str) -> list[Sample]:
        """Run a check like the schedule; return the metrics that it wrote."""
        before = self.written()
        self.stack.invoke({"targets": targets, "scheduled_time": SCHEDULED_TIME}, function="Checker")
        wait_until("the check is logged", lambda: len(self.written()) > len(before), within_s=WITHIN_S)
        return _without(before, self.written())

    def run_first_command(self, name: str, cli: OperatorCli) -> str:
        """Run the command in the text of an alarm; return its output on both streams."""
        _, command, option, stack, *words = first_command(self.alarms[name]).split()
        assert (option, stack) == ("--stack", self.stack.name)
        _, stdout, stderr = cli.run(command, *words, stack=stack)
        return stdout + stderr


def wait_until_deleted(stack: LocalStack, cloud: Cloud, backup_id: str) -> None:
    """Wait until a backup is gone and the delete queue is empty."""
    wait_until(
        "the request ends",
        lambda: cloud.status_of(backup_id) is None and is_empty(stack),
        within_s=WITHIN_S,
    )


def _sent_at(message: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)


def _without(earlier: Sequence[Sample], samples: Sequence[Sample]) -> list[Sample]:
    left = list(samples)
    for each in earlier:
        left.remove(each)
    return left
