"""A local event source mapping: receives messages, invokes a function, and deletes messages not reported as failed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.doubles import DELETER

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

Invoke = Callable[[dict[str, Any]], dict[str, Any]]


class Poller:
    """The event source mapping of one queue."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def receive(self) -> dict[str, Any]:
        """Receive one batch as an event of Lambda, without records if no message is visible."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return {"Records": [_record(message) for message in answer.get("Messages", [])]}

    def deliver(self, invoke: Invoke) -> dict[str, Any]:
        """Invoke the function with one batch and delete the successful messages. Returns the function's response.

        An unknown ID in the response is an error; Lambda would treat it as a failure of the whole batch.
        """
        event = self.receive()
        answer = invoke(event)
        kept = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        assert kept <= {record["messageId"] for record in event["Records"]}
        for record in event["Records"]:
            if record["messageId"] not in kept:
                self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"])
        return answer

    def peek(self) -> list[dict[str, Any]]:
        """Return the visible messages as records, and leave them visible."""
        records: list[dict[str, Any]] = self.receive()["Records"]
        for record in records:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )
        return records

    def count(self) -> dict[str, int]:
        """Return how many messages are visible, hidden and delayed."""
        counted = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["All"])["Attributes"]
        return {
            "visible": int(counted["ApproximateNumberOfMessages"]),
            "hidden": int(counted["ApproximateNumberOfMessagesNotVisible"]),
            "delayed": int(counted["ApproximateNumberOfMessagesDelayed"]),
        }


def attributes_of(record: dict[str, Any]) -> dict[str, str]:
    """Return the message attributes of a record as text."""
    return {name: value["stringValue"] for name, value in record["messageAttributes"].items()}


def _record(message: "MessageTypeDef") -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        # moto reports the same sender for all messages. Those with attributes come from the deleter.
        "attributes": {**message.get("Attributes", {}), "SenderId": f"{DELETER}:deleter"},
        "messageAttributes": {
            name: {
                "stringValue": value["StringValue"],
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:reaper-delete",
        "awsRegion": "eu-central-1",
    }
