"""SQS: the delete queue and its dead-letter queue. Every entry of every batch reply is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vbs_reaper.aws.batches import Unsent, in_batches, send_all
from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.aws.queue_message import entry_size, queue_entry
from vbs_reaper.logs import logger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from vbs_reaper.deletion.message import NewMessage

HANDLE_SIZE: Final = 1024
"""Upper bound of a receipt handle in bytes: ten of them always fit into one call."""


class DeleteQueue:
    """A queue and its dead-letter queue. Implements `deletion.ports.Queue`."""

    def __init__(self, client: SQSClient, queue_url: str, dead_letter_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        self._dead_letter_url = dead_letter_url

    def hide(self, delays_s: Mapping[str, int]) -> None:
        """Hide messages, given by receipt handle. A failure is logged; the message then returns after its timeout."""
        for batch in in_batches(list(delays_s), lambda _: HANDLE_SIZE):
            self._hide_batch(batch, delays_s)

    def send(self, messages: Sequence[NewMessage]) -> bool:
        """Send to the delete queue; True only if every message is stored. Only rejected messages are sent again."""
        return self._send(self._queue_url, messages)

    def dead_letter(self, letter: NewMessage) -> bool:
        """Send to the dead-letter queue; True only if it is stored."""
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
