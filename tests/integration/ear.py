"""Listens at a bus: a rule that puts everything of ours into a queue."""

import json
from typing import Any, Self

import boto3

from tests.support.poller import Poller
from vbs_reaper.deletion.result import SOURCE


class Ear:
    """What one bus has said since `at`."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller
        self._heard: list[dict[str, Any]] = []

    @classmethod
    def at(cls, bus_name: str) -> Self:
        """Begin to listen."""
        sqs, events = boto3.client("sqs"), boto3.client("events")
        url = sqs.create_queue(QueueName="ear")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="ear", EventBusName=bus_name, EventPattern=json.dumps({"source": [SOURCE]}))
        events.put_targets(Rule="ear", EventBusName=bus_name, Targets=[{"Id": "ear", "Arn": arn}])
        return cls(Poller(sqs, url))

    def heard(self) -> list[dict[str, Any]]:
        """Every event so far."""
        while records := self._poller.receive()["Records"]:
            self._heard.extend(json.loads(record["body"]) for record in records)
        return self._heard
