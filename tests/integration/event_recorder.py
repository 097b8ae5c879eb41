"""Records the events of an event bus, by a rule that sends those of this product to a queue."""

import json
from typing import Any, Self

import boto3

from tests.support.poller import Poller
from vbs_reaper.deletion.result import SOURCE


class EventRecorder:
    """The events of one bus since `at`."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._events: list[dict[str, Any]] = []

    @classmethod
    def at(cls, bus_name: str) -> Self:
        """Start recording."""
        sqs, events = boto3.client("sqs"), boto3.client("events")
        url = sqs.create_queue(QueueName="recorder")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="recorder", EventBusName=bus_name, EventPattern=json.dumps({"source": [SOURCE]}))
        events.put_targets(Rule="recorder", EventBusName=bus_name, Targets=[{"Id": "recorder", "Arn": arn}])
        return cls(Poller(sqs, url))

    def events(self) -> list[dict[str, Any]]:
        """Return every event so far."""
        while records := self._poller.receive()["Records"]:
            self._events.extend(json.loads(record["body"]) for record in records)
        return self._events
