"""The dead-letter queue read whole, each letter once, and left as it was: what is not taken out is shown again."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Final
from typing import Self

import boto3
from rich.console import Console

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.console.dead_letters.letter import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from types import TracebackType

    from mypy_boto3_sqs import SQSClient

    from vbs_reaper.console.dead_letters.letter import Letter
    from vbs_reaper.console.deployed_stack import DeployedStack

HIDDEN_S: Final = 300
"""How long a letter is hidden while the others are read; renewed at half of it, taken back at the end."""
EMPTY_LOOKS: Final = 3
"""SQS asks only some of its servers at a time: empty means empty several times."""
BATCH: Final = 10


class Borrowed:
    """The letters while they are looked at. Leaving the context shows again all that was not taken out.

    So it is after an exception and after Ctrl-C too; after a kill they come back by themselves in `HIDDEN_S` seconds.
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
        with held_off():
            problem = self._hide(0)
        if problem:
            print(  # noqa: T201  # a command speaks here
                f"vbs-reaper: not every letter could be shown again ({problem}); "
                f"they come back by themselves in {HIDDEN_S} seconds",
                file=sys.stderr,
            )

    def __iter__(self) -> Iterator[Letter]:
        """Every letter once, whatever SQS delivers twice."""
        seen: set[str] = set()
        empty = 0
        while empty < EMPTY_LOOKS:
            self._renew()
            messages = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HIDDEN_S,
                WaitTimeSeconds=1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            self._handles |= {each["MessageId"]: each["ReceiptHandle"] for each in messages}
            new = [each for each in messages if each["MessageId"] not in seen]
            seen |= {each["MessageId"] for each in new}
            empty = 0 if new else empty + 1
            for each in new:
                yield read_letter(each, datetime.now(UTC))

    def take_out(self, letter: Letter) -> None:
        """Delete a letter for good."""
        message_id = letter.message.message_id
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=self._handles[message_id])
        del self._handles[message_id]

    def _renew(self) -> None:
        if time.monotonic() - self._hidden_since > HIDDEN_S / 2:
            self._hide(HIDDEN_S)
            self._hidden_since = time.monotonic()

    def _hide(self, seconds: int) -> str:
        """Hide all for so long, 0 to show them again; the last error's code, empty where there was none."""
        handles, problem = list(self._handles.values()), ""
        for start in range(0, len(handles), BATCH):
            try:
                answer = self._client.change_message_visibility_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                        for place, handle in enumerate(handles[start : start + BATCH])
                    ],
                )
            except AWS_ERRORS as error:
                problem = code_of(error)
            else:
                problem = next((each["Code"] for each in answer.get("Failed", [])), problem)
        return problem


def read_letters(stack: DeployedStack) -> list[Letter]:
    """All that a stack's dead-letter queue holds, left there.

    Raises:
        Refused: it cannot be read.
    """
    try:
        with (
            Console(stderr=True).status("reading the dead letters"),
            Borrowed(boto3.client("sqs"), stack.output("DeadLetterQueueUrl")) as borrowed,
        ):
            return list(borrowed)
    except AWS_ERRORS as error:
        raise stack.failed("read its dead letters", error) from None


@contextmanager
def held_off() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM wait while the block runs: they set the event, and what is in hand is finished."""
    wanted = threading.Event()

    def want(_signal: int, _frame: FrameType | None) -> None:
        wanted.set()

    former = {each: signal.signal(each, want) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wanted
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
