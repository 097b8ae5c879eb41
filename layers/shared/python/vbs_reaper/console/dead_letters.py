"""`vbs-reaper dead-letters`: what was refused or parked and why; sends again what can heal, drops what is done with.

Exit codes: 0 done, also where there are none; 2 some chosen letters were gone meanwhile; 1 refused; 130 interrupted.
"""

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Final

import boto3
from rich.console import Console

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.console.dead_letters_letter import Letter
from vbs_reaper.console.dead_letters_letter import kind_named
from vbs_reaper.console.dead_letters_moved import Moved
from vbs_reaper.console.dead_letters_moved import choose
from vbs_reaper.console.dead_letters_moved import move
from vbs_reaper.console.dead_letters_moved import send_again
from vbs_reaper.console.dead_letters_queue import Borrowed
from vbs_reaper.console.dead_letters_shown import as_json
from vbs_reaper.console.dead_letters_shown import print_letters
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.purge.picture.words import count

EXIT_DONE: Final = 0
EXIT_SOME_GONE: Final = 2
EXIT_INTERRUPTED: Final = 130
RATE: Final = 5.0
DROPS_A_SECOND: Final = 100.0
WIDTH: Final = 200


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "dead-letters",
        help="list what was refused or parked; send it again or drop it",
        description="Lists what was refused or parked, and why; sends again what can heal; drops what is done with.",
        epilog="Exit codes: 0 done, or there are none; 2 some were gone meanwhile, 1 refused, 130 interrupted.",
    )
    words.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    acts = words.add_subparsers(title="what to do", metavar="list|redrive|drop", required=True)
    for add in (_add_list, _add_redrive, _add_drop):
        add(acts)


def _add_list(acts: Any) -> None:  # noqa: ANN401
    words = acts.add_parser("list", help="all of them by reason; none is taken out")
    words.add_argument("--reason", metavar="R", help="only those of this reason, all of them")
    words.add_argument("--json", action="store_true", help="all of it as JSON")
    words.set_defaults(run=run_list)


def _add_redrive(acts: Any) -> None:  # noqa: ANN401
    words = acts.add_parser("redrive", help="send again, with the same identity; only what can heal")
    _add_choice(words).add_argument("--all-that-can-heal", action="store_true", help="whatever the reason, if it can")
    words.add_argument("--rate", type=_rate, default=RATE, metavar="N", help="so many a second; default: %(default)g")
    _add_ends(words)
    words.set_defaults(run=run_redrive)


def _add_drop(acts: Any) -> None:  # noqa: ANN401
    words = acts.add_parser("drop", help="delete letters for good; their backups stay as they are")
    _add_choice(words)
    _add_ends(words)
    words.set_defaults(run=run_drop)


def _add_choice(words: argparse.ArgumentParser) -> Any:  # noqa: ANN401
    choice = words.add_mutually_exclusive_group(required=True)
    choice.add_argument("--reason", metavar="R", help="those of this reason")
    choice.add_argument("--request-id", metavar="ID", nargs="+", help="those of these requests")
    return choice


def _add_ends(words: argparse.ArgumentParser) -> None:
    words.add_argument("--yes", action="store_true", help="do not ask")
    words.add_argument("--json", action="store_true", help="what was moved, as JSON")


def run_list(chosen: argparse.Namespace) -> int:
    """Read all, show them.

    Raises:
        Refused: the queue cannot be read, or nobody knows that reason.
    """
    _check_reason(chosen.reason)
    stack = DeployedStack(chosen.stack)
    letters = _read(stack)
    if chosen.reason is not None:
        letters = [each for each in letters if each.kind.code == chosen.reason]
    now = datetime.now(UTC)
    if chosen.json:
        _say_json(as_json(letters, now, chosen.stack))
    elif not letters:
        _out().print(_none(chosen.reason))
    else:
        print_letters(letters, _out(), now, chosen.stack, everyone=chosen.reason is not None)
    return EXIT_DONE


def run_redrive(chosen: argparse.Namespace) -> int:
    """Choose, ask, send again one by one.

    Raises:
        Refused: what was chosen cannot heal or is not there, nobody agrees, or AWS fails.
    """
    _check_reason(chosen.reason)
    stack = DeployedStack(chosen.stack)
    picked = choose(_read(stack), chosen.reason, chosen.request_id, to_send=True)
    if picked and not chosen.yes:
        _ask(
            f"To send {count(len(picked), 'request')} again, {chosen.rate:g} a second, type {len(picked)}: ",
            len(picked),
        )
    send = send_again(boto3.client("sqs"), stack.output("DeleteQueueUrl"))
    return _carry_out(chosen, stack, picked, send, chosen.rate, "sent again")


def run_drop(chosen: argparse.Namespace) -> int:
    """Choose, show, ask, delete.

    Raises:
        Refused: what was chosen is not there, nobody agrees, or AWS fails.
    """
    _check_reason(chosen.reason)
    stack = DeployedStack(chosen.stack)
    picked = choose(_read(stack), chosen.reason, chosen.request_id, to_send=False)
    if picked and not chosen.yes:
        print_letters(picked, _err(), datetime.now(UTC), chosen.stack, everyone=False)
        _ask(f"To drop {count(len(picked), 'letter')} for good, type {len(picked)}: ", len(picked))
    return _carry_out(chosen, stack, picked, lambda _: None, DROPS_A_SECOND, "dropped")


def _carry_out(  # noqa: PLR0913  # see `move`
    chosen: argparse.Namespace,
    stack: DeployedStack,
    picked: Sequence[Letter],
    before: Any,  # noqa: ANN401
    per_second: float,
    verb: str,
) -> int:
    moved = Moved(0)
    if picked:
        url = stack.output("DeadLetterQueueUrl")
        moved = move(boto3.client("sqs"), url, picked, before, per_second=per_second, console=_err(), verb=verb)
    _conclude(chosen, moved, verb)
    if moved.is_interrupted:
        return EXIT_INTERRUPTED
    return EXIT_DONE if len(moved.request_ids) == moved.chosen else EXIT_SOME_GONE


def _conclude(chosen: argparse.Namespace, moved: Moved, verb: str) -> None:
    done = len(moved.request_ids)
    if chosen.json:
        told = {"chosen": moved.chosen, "interrupted": moved.is_interrupted, "request_ids": moved.request_ids}
        _say_json(told)
    elif not moved.chosen:
        _out().print(_none(chosen.reason))
    elif moved.is_interrupted:
        _out().print(
            f"interrupted: {done:,} of {count(moved.chosen, 'letter')} {verb}, the others rest where they were"
        )
    else:
        gone = f"; {moved.chosen - done:,} gone meanwhile" if done < moved.chosen else ""
        _out().print(f"{count(done, 'letter')} {verb}{gone}")


def _read(stack: DeployedStack) -> list[Letter]:
    try:
        with (
            _err().status("reading the dead letters"),
            Borrowed(boto3.client("sqs"), stack.output("DeadLetterQueueUrl")) as borrowed,
        ):
            return list(borrowed)
    except AWS_ERRORS as error:
        raise stack.failed("read its dead letters", error) from None


def _check_reason(reason: str | None) -> None:
    if reason is not None:
        kind_named(reason)


def _none(reason: str | None) -> str:
    return "there are no dead letters" if reason is None else f'no dead letter has the reason "{reason}"'


def _ask(question: str, count: int) -> None:
    try:
        typed = _err().input(question, markup=False)
    except EOFError:
        typed = ""
    if typed.strip() != str(count):
        raise Refused("that is not the number; nothing was moved")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= 1000:
        raise argparse.ArgumentTypeError(f'"{text}" is no rate; give letters a second, 0.1 to 1000')
    return rate


def _say_json(document: object) -> None:
    print(json.dumps(document, indent=2))  # noqa: T201  # a command speaks here


def _out() -> Console:
    """Rich knows a terminal's width; a file or pipe gets what a row needs."""
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if is_known else WIDTH, soft_wrap=False)


def _err() -> Console:
    return Console(stderr=True)
