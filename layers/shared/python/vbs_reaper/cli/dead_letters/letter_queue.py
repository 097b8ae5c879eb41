"""Reads the whole dead-letter queue, each letter once, and makes visible again what is not deleted from it."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

import boto3
from rich.console import Console

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.cli.dead_letters.dead_letter import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    from mypy_boto3_sqs import SQSClient

    from vbs_reaper.cli.dead_letters.dead_letter import Letter
    from vbs_reaper.cli.stack import Stack

HIDDEN_S: Final = 300
"""Seconds for which a letter is hidden while the others are read. Extended after half of it, reset to 0 at the end."""
EMPTY_RECEIVES: Final = 3
"""The queue counts as empty after this many empty receives in a row: SQS samples only some of its servers each time."""
BATCH: Final = 10


class HiddenLetters:
    """All letters of the queue, hidden from other readers while the context is open.

    Leaving the context makes every letter visible again that was not deleted, also after an exception or Ctrl-C. After
    a kill they become visible within `HIDDEN_S` seconds.
    """

    def __init__(self, client: SQSClient, url: str) -> None:
        self._client = client
        self._url = url
        self._handles: dict[str, str] = {}
        self._hidden_since = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with signals_deferred():
            error_code = self._set_visibility(0)
        if error_code:
            print(  # noqa: T201  # a warning to the operator
                f"vbs-reaper: not every letter could be made visible again ({error_code}); "
                f"they become visible by themselves within {HIDDEN_S} seconds",
                file=sys.stderr,
            )

    def __iter__(self) -> Iterator[Letter]:
        """Yield every letter once, even if SQS delivers it twice."""
        seen: set[str] = set()
        empty = 0
        while empty < EMPTY_RECEIVES:
            self._extend()
            messages = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HIDDEN_S,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            self._handles |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            new = [message for message in messages if message["MessageId"] not in seen]
            seen |= {message["MessageId"] for message in new}
            empty = 0 if new else empty + 1
            for message in new:
                yield read_letter(message, datetime.now(UTC))

    def delete(self, letter: Letter) -> None:
        """Delete a letter from the queue."""
        message_id = letter.message.message_id
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=self._handles[message_id])
        del self._handles[message_id]

    def _extend(self) -> None:
        if time.monotonic() - self._hidden_since > HIDDEN_S / 2:
            self._set_visibility(HIDDEN_S)
            self._hidden_since = time.monotonic()

    def _set_visibility(self, timeout_s: int) -> str:
        """Set the visibility timeout of all letters, 0 for visible now; return the last error code, or ""."""
        handles, error_code = list(self._handles.values()), ""
        for start in range(0, len(handles), BATCH):
            try:
                answer = self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": timeout_s}
                        for place, handle in enumerate(handles[start : start + BATCH])
                    ],
                )
            except AWS_ERRORS as error:
                error_code = code_of(error)
            else:
                error_code = next((failed["Code"] for failed in answer.get("Failed", [])), error_code)
        return error_code


def read_letters(stack: Stack) -> list[Letter]:
    """Return all letters of a stack's dead-letter queue. They are kept in the queue and visible afterwards.

    Raises:
        CommandError: the queue cannot be read.
    """
    try:
        with (
            Console(stderr=True).status("reading the dead letters"),
            HiddenLetters(boto3.client("sqs"), stack.output("DeadLetterQueueUrl")) as letters,
        ):
            return list(letters)
    except AWS_ERRORS as error:
        raise stack.failed("read its dead letters", error) from None


@contextmanager
def signals_deferred() -> Iterator[threading.Event]:
    """Defer SIGINT and SIGTERM while the block runs: they only set the event, so the current step is finished."""
    requested = threading.Event()

    def set_event(_signal: int, _frame: FrameType | None) -> None:
        requested.set()

    handlers = {number: signal.signal(number, set_event) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
