"""Runs `dead-letters redrive` and `dead-letters drop`: select letters, confirm, move them, print the result.

Both move letters out of the dead-letter queue; `redrive` sends each one to the delete queue before.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import boto3
from rich.console import Console

from vbs_reaper.cli.dead_letters.dead_letter import Letter
from vbs_reaper.cli.dead_letters.letter_queue import read_letters
from vbs_reaper.cli.dead_letters.move import BeforeDelete, MoveProgress, is_left_out, move, resend_to, select_letters
from vbs_reaper.cli.dead_letters.render import none_found, print_letters, wide_console
from vbs_reaper.cli.exit_codes import EXIT_INTERRUPTED
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.prompts import require_number
from vbs_reaper.cli.stack import Stack
from vbs_reaper.text import count

EXIT_DONE: Final = 0
EXIT_SOME_MISSING: Final = 2
DROPS_PER_SECOND: Final = 100.0


def run_redrive(args: argparse.Namespace) -> int:
    """Select letters, confirm, and send them again one by one; return the exit code.

    Raises:
        CommandError: a selected letter cannot heal or does not exist, the person did not confirm, or AWS failed.
    """
    stack = Stack(args.stack)
    letters = read_letters(stack)
    selected = select_letters(letters, args.reason, args.request_id, for_redrive=True)
    left_out = Counter(letter.kind.code for letter in letters if args.all_that_can_heal and is_left_out(letter))
    if left_out:
        named = ", ".join(f"{number:,} {code}" for code, number in left_out.most_common())
        print(  # noqa: T201  # a remark to the operator
            f"left out: {named}; they are refused again unless their backups have changed: select them with --reason",
            file=sys.stderr,
        )
    if selected and not args.yes:
        what = f"To send {count(len(selected), 'request')} again, {args.rate:g} per second"
        _confirm(what, len(selected), "sent again")
    resend = resend_to(boto3.client("sqs"), stack.output("DeleteQueueUrl"))
    return _move(args, stack, selected, resend, args.rate, "sent again", left_out)


def run_drop(args: argparse.Namespace) -> int:
    """Select letters, show them, confirm, and delete them; return the exit code.

    Raises:
        CommandError: a selected letter does not exist, the person did not confirm, or AWS failed.
    """
    stack = Stack(args.stack)
    selected = select_letters(read_letters(stack), args.reason, args.request_id, for_redrive=False)
    if selected and not args.yes:
        print_letters(selected, Console(stderr=True), datetime.now(UTC), args.stack, show_all=False)
        _confirm(f"To drop {count(len(selected), 'letter')} permanently", len(selected), "dropped")
    return _move(args, stack, selected, lambda _: None, DROPS_PER_SECOND, "dropped")


def _confirm(what: str, letters: int, verb: str) -> None:
    require_number(f"{what}, type {letters}: ", letters, f"that is not the number; nothing was {verb}")


def _move(  # noqa: PLR0913  # see `move`
    args: argparse.Namespace,
    stack: Stack,
    selected: Sequence[Letter],
    before_delete: BeforeDelete,
    per_second: float,
    verb: str,
    left_out: Mapping[str, int] | None = None,
) -> int:
    done = MoveProgress(0)
    if selected:
        url, console = stack.output("DeadLetterQueueUrl"), Console(stderr=True)
        done = move(
            boto3.client("sqs"), url, selected, before_delete, per_second=per_second, console=console, verb=verb
        )
    if args.json:
        result: dict[str, Any] = {"chosen": done.selected, "interrupted": done.is_interrupted}
        result["request_ids"] = done.request_ids
        if left_out:
            result["left_out"] = left_out
        print_json(result, indent=2)
    else:
        wide_console().print(
            _summary(done, verb)
            if done.selected
            else "no letter was sent again"
            if left_out
            else none_found(args.reason)
        )
    if done.is_interrupted:
        return EXIT_INTERRUPTED
    return EXIT_DONE if len(done.request_ids) == done.selected else EXIT_SOME_MISSING


def _summary(done: MoveProgress, verb: str) -> str:
    moved = len(done.request_ids)
    if done.is_interrupted:
        return f"interrupted: {moved:,} of {count(done.selected, 'letter')} {verb}, the others are still in the queue"
    missing = f"; {done.selected - moved:,} were no longer in the queue" if moved < done.selected else ""
    return f"{count(moved, 'letter')} {verb}{missing}"
