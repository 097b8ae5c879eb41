"""A redrive as a process of its own, killed outright right after so many effects: run by test_redrive.py."""

import os
import signal
import sys
from typing import Any

import boto3
from rich.console import Console

from vbs_reaper.console.dead_letters import queue as dead_letters_queue
from vbs_reaper.console.dead_letters.moved import choose
from vbs_reaper.console.dead_letters.moved import move
from vbs_reaper.console.dead_letters.moved import send_again
from vbs_reaper.console.dead_letters.queue import Borrowed

EFFECTS = ("SendMessageBatch", "DeleteMessage")
HIDDEN_S = 1


def redrive(dead_letter_url: str, queue_url: str, effects: int) -> None:
    """Send again all that can heal; `effects` 0 lets it come to its end."""
    vars(dead_letters_queue).update(HIDDEN_S=HIDDEN_S, EMPTY_LOOKS=1)
    client, done = boto3.client("sqs"), []

    def count(**happened: Any) -> None:  # noqa: ANN401
        done.append(happened)
        if len(done) == effects:
            os.kill(os.getpid(), signal.SIGKILL)

    for effect in EFFECTS:
        client.meta.events.register(f"after-call.sqs.{effect}", count)
    with Borrowed(client, dead_letter_url) as letters:
        chosen = choose(list(letters), None, None, to_send=True)
    move(
        client,
        dead_letter_url,
        chosen,
        send_again(client, queue_url),
        per_second=1000,
        console=Console(stderr=True),
        verb="sent again",
    )


if __name__ == "__main__":
    redrive(sys.argv[1], sys.argv[2], int(sys.argv[3]))
