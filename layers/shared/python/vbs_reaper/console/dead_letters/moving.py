"""`dead-letters redrive` and `drop`: choose, ask, move, and say how far it came."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Final

import boto3
from rich.console import Console

from vbs_reaper.console.confirmation import require_number
from vbs_reaper.console.dead_letters.letter import Letter
from vbs_reaper.console.dead_letters.moved import BeforeMoving
from vbs_reaper.console.dead_letters.moved import Moved
from vbs_reaper.console.dead_letters.moved import choose
from vbs_reaper.console.dead_letters.moved import move
from vbs_reaper.console.dead_letters.moved import send_again
from vbs_reaper.console.dead_letters.queue import read_letters
from vbs_reaper.console.dead_letters.shown import none_found
from vbs_reaper.console.dead_letters.shown import print_letters
from vbs_reaper.console.dead_letters.shown import wide_console
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import EXIT_INTERRUPTED
from vbs_reaper.purge.picture.words import count

EXIT_DONE: Final = 0
EXIT_SOME_GONE: Final = 2
DROPS_A_SECOND: Final = 100.0


def run_redrive(chosen: argparse.Namespace) -> int:
    """Choose, ask, send again one by one.

    Raises:
        Refused: what was chosen cannot heal or is not there, nobody agrees, or AWS fails.
    """
    stack = DeployedStack(chosen.stack)
    picked = choose(read_letters(stack), chosen.reason, chosen.request_id, to_send=True)
    if picked and not chosen.yes:
        _confirm(f"To send {count(len(picked), 'request')} again, {chosen.rate:g} a second", len(picked))
    send = send_again(boto3.client("sqs"), stack.output("DeleteQueueUrl"))
    return _carry_out(chosen, stack, picked, send, chosen.rate, "sent again")


def run_drop(chosen: argparse.Namespace) -> int:
    """Choose, show, ask, delete.

    Raises:
        Refused: what was chosen is not there, nobody agrees, or AWS fails.
    """
    stack = DeployedStack(chosen.stack)
    picked = choose(read_letters(stack), chosen.reason, chosen.request_id, to_send=False)
    if picked and not chosen.yes:
        print_letters(picked, Console(stderr=True), datetime.now(UTC), chosen.stack, everyone=False)
        _confirm(f"To drop {count(len(picked), 'letter')} for good", len(picked))
    return _carry_out(chosen, stack, picked, lambda _: None, DROPS_A_SECOND, "dropped")


def _confirm(what: str, letters: int) -> None:
    require_number(f"{what}, type {letters}: ", letters, "that is not the number; nothing was moved")


def _carry_out(  # noqa: PLR0913  # see `move`
    chosen: argparse.Namespace,
    stack: DeployedStack,
    picked: Sequence[Letter],
    before: BeforeMoving,
    per_second: float,
    verb: str,
) -> int:
    moved = Moved(0)
    if picked:
        url, console = stack.output("DeadLetterQueueUrl"), Console(stderr=True)
        moved = move(boto3.client("sqs"), url, picked, before, per_second=per_second, console=console, verb=verb)
    if chosen.json:
        told = {"chosen": moved.chosen, "interrupted": moved.is_interrupted, "request_ids": moved.request_ids}
        print(json.dumps(told, indent=2))  # noqa: T201  # a command speaks here
    else:
        wide_console().print(_conclusion(moved, verb) if moved.chosen else none_found(chosen.reason))
    if moved.is_interrupted:
        return EXIT_INTERRUPTED
    return EXIT_DONE if len(moved.request_ids) == moved.chosen else EXIT_SOME_GONE


def _conclusion(moved: Moved, verb: str) -> str:
    done = len(moved.request_ids)
    if moved.is_interrupted:
        return f"interrupted: {done:,} of {count(moved.chosen, 'letter')} {verb}, the others rest where they were"
    gone = f"; {moved.chosen - done:,} gone meanwhile" if done < moved.chosen else ""
    return f"{count(done, 'letter')} {verb}{gone}"
