"""SQS: the delete queue and its dead letters, every entry of every batch reply checked."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.aws.batches import Unsent
from vbs_reaper.aws.batches import in_batches
from vbs_reaper.aws.batches import send_all
from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.aws.queue_message import entry_size
from vbs_reaper.aws.queue_message import queue_entry
from vbs_reaper.logs import logger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from vbs_reaper.deletion.message import NewMessage

HANDLE_SIZE: Final = 1024
"""More bytes than a receipt handle has: ten of them never fill a call."""


class DeleteQueue:
    """One queue and the dead letters beside it. Implements `deletion.ports.Queue`."""

    def __init__(self, client: SQSClient, queue_url: str, dead_letter_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._dead_letter_url = dead_letter_url

    def hide(self, delays_s: Mapping[str, int]) -> None:
        """Hide messages, given by receipt handle; one that fails is logged and comes back when SQS lets it."""
        for batch in in_batches(list(delays_s), lambda _: HANDLE_SIZE):
            self._hide_batch(batch, delays_s)

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send to the delete queue; True only when every message is stored. Only failed ones are sent again."""
        return self._send(self._queue_url, messages)

    def dead_letter(self, letter: NewMessage) -> bool:
        """Send to the dead-letter queue; True only when it is stored."""
        return self._send(self._dead_letter_url, [letter])

    def _hide_batch(self, handles: Sequence[str], delays_s: Mapping[str, int]) -> None:
        try:
            answer = self._client.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": delays_s[handle]}
                    for place, handle in enumerate(handles)
                ],
            )
        except AWS_ERRORS as error:
            logger.warning("messages not hidden", code=code_of(error), messages=len(handles))
            return
        hidden = {entry["Id"] for entry in answer.get("Successful", [])}
        codes = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", [])}
        for place in range(len(handles)):
            if str(place) not in hidden:
                logger.warning("message not hidden", code=codes.get(str(place), "Unknown"))

    def _send(self, queue_url: str, messages: Sequence[NewMessage]) -> bool:
        def send_batch(
            batch: Sequence[SendMessageBatchRequestEntryTypeDef],
        ) -> list[Unsent[SendMessageBatchRequestEntryTypeDef]]:
            return self._send_batch(queue_url, batch)

        try:
            unsent = send_all([queue_entry(message) for message in messages], entry_size, send_batch)
        except AWS_ERRORS as error:
            logger.error("messages not stored", code=code_of(error), queue_url=queue_url, messages=len(messages))
            return False
        for each in unsent:
            logger.error("message not stored", code=each.code, queue_url=queue_url)
        return not unsent

    def _send_batch(
        self, queue_url: str, batch: Sequence[SendMessageBatchRequestEntryTypeDef]
    ) -> list[Unsent[SendMessageBatchRequestEntryTypeDef]]:
        answer = self._client.send_message_batch(
            QueueUrl=queue_url, Entries=[{**entry, "Id": str(place)} for place, entry in enumerate(batch)]
        )
        stored = {entry["Id"] for entry in answer.get("Successful", [])}
        codes = {entry["Id"]: entry["Code"] for entry in answer.get("Failed", [])}
        return [
            Unsent(entry, codes.get(str(place), "Unknown"))
            for place, entry in enumerate(batch)
            if str(place) not in stored
        ]
