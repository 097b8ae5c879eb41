"""Sends requests to the delete queue of a stack, in batches of ten, and records the request ID of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import boto3

from vbs_reaper.aws.batches import Unsent, send_all
from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.aws.queue_message import entry_size, queue_entry
from vbs_reaper.cli.request_input import body_of
from vbs_reaper.deletion.message import NewMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from vbs_reaper.cli.stack import Stack
    from vbs_reaper.deletion.request import DeleteRequest


@dataclass(slots=True, kw_only=True)
class Sent:
    """The requests in the queue by request ID, and those that SQS rejected, each with the error code."""

    requests: dict[str, DeleteRequest] = field(default_factory=dict)
    unsent: list[tuple[DeleteRequest, str]] = field(default_factory=list)


class RequestSender:
    """Sends to the delete queue of one stack. `sent` is up to date after each batch, also if an exception follows."""

    def __init__(self, stack: Stack) -> None:
        """Find the queue.

        Raises:
            CommandError: the stack has no output for its queue.
        """
        self._queue_url = stack.output("DeleteQueueUrl")
        self._sqs = boto3.client("sqs")
        self._by_body: dict[str, DeleteRequest] = {}
        self.sent = Sent()

    def send(self, requests: Sequence[DeleteRequest]) -> None:
        """Send all requests. Only those that SQS rejects are retried, see `aws.batches.send_all`."""
        self._by_body = {body_of(request): request for request in requests}
        entries = [queue_entry(NewMessage(body=body, group=request.target)) for body, request in self._by_body.items()]
        for unsent in send_all(entries, entry_size, self._send_batch):
            self.sent.unsent.append((self._by_body[unsent.entry["MessageBody"]], unsent.code))

    def _send_batch(
        self, batch: Sequence[SendMessageBatchRequestEntryTypeDef]
    ) -> list[Unsent[SendMessageBatchRequestEntryTypeDef]]:
        by_id: Mapping[str, SendMessageBatchRequestEntryTypeDef] = {
            str(place): entry for place, entry in enumerate(batch)
        }
        try:
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url, Entries=[{**entry, "Id": entry_id} for entry_id, entry in by_id.items()]
            )
        except AWS_ERRORS as error:
            return [Unsent(entry, code_of(error)) for entry in batch]
        for stored in answer.get("Successful", []):
            self.sent.requests[stored["MessageId"]] = self._by_body[by_id[stored["Id"]]["MessageBody"]]
        stored_ids = {stored["Id"] for stored in answer.get("Successful", [])}
        codes = {failed["Id"]: failed["Code"] for failed in answer.get("Failed", [])}
        return [
            Unsent(entry, codes.get(entry_id, "Unknown"))
            for entry_id, entry in by_id.items()
            if entry_id not in stored_ids
        ]
