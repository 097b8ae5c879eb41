"""Lambda's event source mapping on the desk: receives, invokes, acknowledges what was not reported as failed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.doubles import DELETER

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

Invoke = Callable[[dict[str, Any]], dict[str, Any]]


class Poller:
    """One queue's mapping."""

    def __init__(self, sqs: "SQSClient", queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def receive(self) -> dict[str, Any]:
        """The event of one batch, as Lambda writes it; without records where the queue has none visible."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return {"Records": [_record(message) for message in answer.get("Messages", [])]}

    def deliver(self, invoke: Invoke) -> dict[str, Any]:
        """Take one batch through the function and acknowledge what has ended. Returns the function's answer.

        Lambda takes an id it did not deliver as a failure of the whole batch: here that is an error.
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
        """The records that are visible; they stay visible."""
        records: list[dict[str, Any]] = self.receive()["Records"]
        for record in records:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
            )
        return records

    def count(self) -> dict[str, int]:
        """How many messages are visible, hidden and delayed."""
        counted = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["All"])["Attributes"]
        return {
            "visible": int(counted["ApproximateNumberOfMessages"]),
            "hidden": int(counted["ApproximateNumberOfMessagesNotVisible"]),
            "delayed": int(counted["ApproximateNumberOfMessagesDelayed"]),
        }


def attributes_of(record: dict[str, Any]) -> dict[str, str]:
    """A record's message attributes as plain text."""
    return {name: value["stringValue"] for name, value in record["messageAttributes"].items()}


def _record(message: "MessageTypeDef") -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        # Moto names one sender for all messages. The deleter has sent those with attributes.
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
