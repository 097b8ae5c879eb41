"""A redrive in a separate process that kills itself after a given number of effects. Run by test_redrive.py."""

import os
import signal
import sys
from typing import Any

import boto3
from rich.console import Console

from vbs_reaper.cli.dead_letters import letter_queue as dead_letters_queue
from vbs_reaper.cli.dead_letters.letter_queue import HiddenLetters
from vbs_reaper.cli.dead_letters.move import move, resend_to, select_letters

EFFECTS = ("SendMessageBatch", "DeleteMessage")
HIDDEN_S = 1


def redrive(dead_letter_url: str, queue_url: str, effects: int) -> None:
    """Send again all letters that can heal. With `effects` 0 it is not killed."""
    vars(dead_letters_queue).update(EMPTY_RECEIVES=1)
    if effects:  # otherwise the letters stay hidden as long as on AWS, even if the machine is busy
        vars(dead_letters_queue).update(HIDDEN_S=HIDDEN_S)
    client, done = boto3.client("sqs"), []

    def count(**event: Any) -> None:  # noqa: ANN401
        done.append(event)
        if len(done) == effects:
            os.kill(os.getpid(), signal.SIGKILL)

    for effect in EFFECTS:
        client.meta.events.register(f"after-call.sqs.{effect}", count)
    with HiddenLetters(client, dead_letter_url) as letters:
        selected = select_letters(list(letters), None, None, for_redrive=True)
    move(
        client,
        dead_letter_url,
        selected,
        resend_to(client, queue_url),
        per_second=1000,
        console=Console(stderr=True),
        verb="sent again",
    )


if __name__ == "__main__":
    redrive(sys.argv[1], sys.argv[2], int(sys.argv[3]))
