"""Records events of the local stack's bus, by a rule that sends those that match a pattern to a queue."""

import json
from collections.abc import Mapping
from typing import Any, Self

from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until


class EventRecorder:
    """The events in one queue, in any order, including repeated ones."""

    def __init__(self, stack: LocalStack, queue_url: str) -> None:
        """`queue_url`: a queue that a rule sends events to."""
        self._sqs = stack.aws.client("sqs")
        self._queue_url = queue_url
        self._events: list[dict[str, Any]] = []

    @classmethod
    def for_pattern(cls, stack: LocalStack, name: str, pattern: Mapping[str, Any]) -> Self:
        """Start recording, with a queue and a rule of this name."""
        sqs, events = stack.aws.client("sqs"), stack.aws.client("events")
        queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bus = stack.outputs["EventBusName"]
        events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": name, "Arn": arn}])
        return cls(stack, queue_url)

    def events(self) -> list[dict[str, Any]]:
        """Return every message so far, as JSON."""
        while messages := self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._events.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
        return list(self._events)

    def wait_for(self, part: str, backup_id: str, *, within_s: float) -> dict[str, Any]:
        """Wait for the first event about a backup. `part` is the key of the result: `detail` or `data`."""
        return wait_until(
            f"an event about {backup_id}",
            lambda: next((each for each in self.events() if each[part].get("backup_id") == backup_id), None),
            within_s=within_s,
        )
