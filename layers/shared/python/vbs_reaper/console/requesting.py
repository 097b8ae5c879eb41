"""Requests onto the delete queue of a stack, ten at a time; which request id each was given."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING

import boto3
from msgspec import UNSET

from vbs_reaper.aws.batches import Unsent
from vbs_reaper.aws.batches import send_all
from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.aws.queue_message import entry_size
from vbs_reaper.aws.queue_message import queue_entry
from vbs_reaper.console.asked_for import body_of
from vbs_reaper.deletion.message import NewMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from vbs_reaper.console.deployed_stack import DeployedStack
    from vbs_reaper.deletion.request import DeleteRequest


@dataclass(slots=True, kw_only=True)
class Sent:
    """What the queue has taken so far, by request id; and AWS's code for each request that it has not."""

    requests: dict[str, DeleteRequest] = field(default_factory=dict)
    unsent: list[tuple[DeleteRequest, str]] = field(default_factory=list)


class Requesting:
    """Sends to one stack's delete queue. `sent` is true at any moment, whatever ends the sending."""

    def __init__(self, stack: DeployedStack) -> None:
        """Raises `Refused` where the stack does not name its queue."""
        self._queue_url = stack.output("DeleteQueueUrl")
        self._sqs = boto3.client("sqs")
        self._by_body: dict[str, DeleteRequest] = {}
        self.sent = Sent()

    def send(self, requests: Sequence[DeleteRequest]) -> None:
        """Send them all; only those that were turned away again, a few times."""
        self._by_body = {body_of(request): request for request in requests}
        entries = [queue_entry(NewMessage(body=body, group=_group(one))) for body, one in self._by_body.items()]
        for unsent in send_all(entries, entry_size, self._send_batch):
            self.sent.unsent.append((self._by_body[unsent.entry["MessageBody"]], unsent.code))

    def _send_batch(
        self, batch: Sequence[SendMessageBatchRequestEntryTypeDef]
    ) -> list[Unsent[SendMessageBatchRequestEntryTypeDef]]:
        named: Mapping[str, SendMessageBatchRequestEntryTypeDef] = {
            str(place): each for place, each in enumerate(batch)
        }
        try:
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url, Entries=[{**entry, "Id": name} for name, entry in named.items()]
            )
        except AWS_ERRORS as error:
            return [Unsent(entry, code_of(error)) for entry in batch]
        for taken in answer.get("Successful", []):
            self.sent.requests[taken["MessageId"]] = self._by_body[named[taken["Id"]]["MessageBody"]]
        stored = {taken["Id"] for taken in answer.get("Successful", [])}
        codes = {each["Id"]: each["Code"] for each in answer.get("Failed", [])}
        return [Unsent(entry, codes.get(name, "Unknown")) for name, entry in named.items() if name not in stored]


def _group(request: DeleteRequest) -> str | None:
    return None if request.target is UNSET else request.target
