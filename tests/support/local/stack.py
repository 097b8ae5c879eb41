"""The local stack: vbs-reaper deployed from its template to emulators on this machine."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.local.artefacts import ROOT, local_environment
from tests.support.local.deployment import STACK_NAME, deploy
from tests.support.local.embedded_aws import EmbeddedAws
from tests.support.local.function_log import FunctionLog

REQUESTED = "VBS Backup Delete Requested"
Body = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message of the dead-letter queue: its body and attributes."""

    body: str
    attributes: Mapping[str, str]

    @property
    def reason(self) -> str:
        """The reason code; empty if SQS moved the message."""
        return self.attributes.get("reason", "")

    @property
    def request_id(self) -> str:
        """The ID of the request."""
        return self.attributes.get("request_id", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How many messages a queue holds."""

    visible: int
    hidden: int
    delayed: int

    @property
    def total(self) -> int:
        """The number of all messages."""
        return self.visible + self.hidden + self.delayed


class LocalStack:
    """A context manager that deploys the stack; inside the block, the queue is polled and the functions run.

    It does not include a cloud: store the secret of a target first.
    """

    def __init__(
        self,
        *,
        template: Path = ROOT / "template.yaml",
        parameters: Mapping[str, str] | None = None,
        name: str = STACK_NAME,
        beside: "LocalStack | None" = None,
    ) -> None:
        """`parameters` of the template; the default base of the backoff is one second.

        With `beside`, the stack is deployed to the account of that stack, and deleted at the end.
        """
        self.name = name
        self._is_guest = beside is not None
        self._template = template
        self._parameters = {"BackoffBaseInSeconds": "1"} | dict(parameters or {})
        self._python = local_environment()
        self.aws: EmbeddedAws = beside.aws if beside else EmbeddedAws(self._python)
        self.outputs: Mapping[str, str] = {}
        self.depths: list[tuple[str, Depth]] = []
        """Every result of `depth`, with its queue."""
        self._dead_letters: list[DeadLetter] = []
        self._logs: dict[str, FunctionLog] = {}

    def __enter__(self) -> Self:
        if not self._is_guest:
            self.aws.__enter__()
        try:
            self.outputs = deploy(self.aws, self._template, self._parameters, self._python, self.name)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._is_guest:
            self.aws.client("cloudformation").delete_stack(StackName=self.name)
        else:
            self.aws.close()

    def store_secret(self, target: str, entry: Mapping[str, Any]) -> None:
        """Store a new version of the target's secret."""
        secrets = self.aws.client("secretsmanager")
        name = f"{self._parameters.get('SecretPrefix', 'vbs-reaper')}/{target}"
        try:
            secrets.create_secret(Name=name, SecretString=json.dumps(entry))
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=json.dumps(entry))

    def forget_logins(self) -> None:
        """Delete all login slots, for a cloud that was reset."""
        s3, bucket = self.aws.client("s3"), self.outputs["PlansBucketName"]
        for found in s3.list_objects_v2(Bucket=bucket, Prefix="logins/").get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=found["Key"])

    def send(self, body: Body, attributes: Mapping[str, str] | None = None) -> str:
        """Send one request to the delete queue; return its message ID, which becomes its request ID.

        The deleter believes `attributes`, because the sender is the root user of the account.
        """
        answer = self.aws.client("sqs").send_message(
            QueueUrl=self.outputs["DeleteQueueUrl"],
            MessageBody=_text(body),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()
            },
        )
        return str(answer["MessageId"])

    def send_all(self, bodies: Sequence[Body]) -> list[str]:
        """Send requests to the delete queue in batches of ten; return their message IDs in the same order."""
        sqs = self.aws.client("sqs")
        message_ids = []
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(i), "MessageBody": _text(body)} for i, body in enumerate(bodies[start : start + 10])]
            answer = sqs.send_message_batch(QueueUrl=self.outputs["DeleteQueueUrl"], Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(f"the delete queue refused messages: {answer['Failed']}")
            by_id = {entry["Id"]: entry["MessageId"] for entry in answer["Successful"]}
            message_ids += [by_id[entry["Id"]] for entry in entries]
        return message_ids

    def put_event(self, detail: Mapping[str, Any], *, detail_type: str = REQUESTED, source: str = "local") -> None:
        """Send one event to the event bus of the stack."""
        entry = {
            "EventBusName": self.outputs["EventBusName"],
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        answer = self.aws.client("events").put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise RuntimeError(f"the bus refused the event: {answer['Entries']}")

    def invoke(self, payload: Mapping[str, Any], *, function: str = "Deleter") -> dict[str, Any]:
        """Invoke a function and return its response.

        Raises:
            RuntimeError: the function raised an exception. The message is the response of Lambda.
        """
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.outputs[f"{function}FunctionName"], Payload=json.dumps(payload).encode()
        )
        content = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise RuntimeError(content)
        outcome: dict[str, Any] = json.loads(content)
        return outcome

    def depth(self, queue: str = "Delete") -> Depth:
        """Return how many messages the queue (`Delete` or `DeadLetter`) contains."""
        names = ["", "NotVisible", "Delayed"]
        attributes = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs[f"{queue}QueueUrl"],
            AttributeNames=[f"ApproximateNumberOfMessages{name}" for name in names],
        )["Attributes"]
        visible, hidden, delayed = (int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in names)
        depth = Depth(visible=visible, hidden=hidden, delayed=delayed)
        self.depths.append((queue, depth))
        return depth

    def dead_letters(self) -> list[DeadLetter]:
        """Return every dead letter so far. They are removed from the queue and kept in memory."""
        sqs, url = self.aws.client("sqs"), self.outputs["DeadLetterQueueUrl"]
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                attributes = {
                    name: value["StringValue"] for name, value in message.get("MessageAttributes", {}).items()
                }
                self._dead_letters.append(DeadLetter(body=message["Body"], attributes=attributes))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return list(self._dead_letters)

    def log(self, function: str = "Deleter") -> FunctionLog:
        """Return the log of one function."""
        if function not in self._logs:
            name = self.outputs[f"{function}FunctionName"]
            configuration = self.aws.client("lambda").get_function_configuration(FunctionName=name)
            self._logs[function] = FunctionLog(self.aws.client("logs"), configuration["LoggingConfig"]["LogGroup"])
        return self._logs[function]


def _text(body: Body) -> str:
    return body if isinstance(body, str) else json.dumps(body)
