"""A redrive, and one that kills its process. test_redrive.py runs the latter in a child process."""

import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from rich.console import Console

from vbs_reaper.cli.dead_letters import letter_queue
from vbs_reaper.cli.dead_letters.letter_queue import HiddenLetters
from vbs_reaper.cli.dead_letters.move import move, resend_to, select_letters

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

EFFECTS = ("SendMessageBatch", "DeleteMessage")
HIDDEN_S = 1
"""How long the dead letters stay hidden after the kill."""


def redrive(sqs: "SQSClient", dead_letter_url: str, queue_url: str) -> None:
    """Redrive all dead letters that can succeed now."""
    with HiddenLetters(sqs, dead_letter_url) as letters:
        selected = select_letters(list(letters), None, None, for_redrive=True)
    resend = resend_to(sqs, queue_url)
    console = Console(stderr=True, quiet=True)
    move(sqs, dead_letter_url, selected, resend, per_second=1000, console=console, verb="sent again")


def redrive_until_killed(environment: Mapping[str, str], dead_letter_url: str, queue_url: str, effects: int) -> None:
    """Redrive, and kill this process after this number of effects."""
    os.environ.update(environment)
    vars(letter_queue).update(EMPTY_RECEIVES=1, HIDDEN_S=HIDDEN_S)
    sqs, done = boto3.client("sqs"), []

    def count(**event: Any) -> None:  # noqa: ANN401
        done.append(event)
        if len(done) == effects:
            os.kill(os.getpid(), signal.SIGKILL)

    for effect in EFFECTS:
        sqs.meta.events.register(f"after-call.sqs.{effect}", count)
    redrive(sqs, dead_letter_url, queue_url)
