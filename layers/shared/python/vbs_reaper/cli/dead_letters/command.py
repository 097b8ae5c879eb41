"""`vbs-reaper dead-letters`: defines the options of its subcommands, and runs `list`.

Exit codes: 0 done, or there are none; 2 some of the selected letters were no longer in the queue; 1 error;
130 interrupted.
"""

import argparse
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from vbs_reaper.cli.dead_letters.dead_letter import find_kind
from vbs_reaper.cli.dead_letters.letter_queue import read_letters
from vbs_reaper.cli.dead_letters.redrive import run_drop, run_redrive
from vbs_reaper.cli.dead_letters.render import as_json, none_found, print_letters, wide_console
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError

RATE: Final = 5.0
RATE_LIMITS: Final = (0.1, 1000)
"""Letters per second."""


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its subcommands."""
    command = commands.add_parser(
        "dead-letters",
        help="list refused and parked requests; send them again or drop them",
        description="Lists refused and parked requests with their reasons; sends again those that can heal; drops "
        "those that are no longer needed.",
        epilog="Exit codes: 0 done, or there are none; 2 some were no longer in the queue, 1 error, 130 interrupted.",
    )
    command.add_argument("--stack", metavar="NAME", help="the deployed stack; required, here or after the action")
    actions = command.add_subparsers(title="actions", metavar="list|redrive|drop", required=True)
    for add in (_add_list, _add_redrive, _add_drop):
        add(actions)


def _add_list(actions: Any) -> None:  # noqa: ANN401
    command = actions.add_parser("list", help="list the letters by reason; the queue is not changed")
    command.add_argument("--reason", type=find_kind, metavar="R", help="only letters with this reason, and all of them")
    command.add_argument("--json", action="store_true", help="all letters, as JSON")
    _add_stack(command, run_list)


def _add_redrive(actions: Any) -> None:  # noqa: ANN401
    command = actions.add_parser("redrive", help="send letters that can heal again, as new requests")
    _add_selection(command).add_argument(
        "--all-that-can-heal",
        action="store_true",
        help="all that can heal by themselves; refusals of a backup (held, deletion_failed, …) are left out",
    )
    command.add_argument(
        "--rate", type=_rate, default=RATE, metavar="N", help="letters per second; default: %(default)g"
    )
    _add_common(command, "sent again")
    _add_stack(command, run_redrive)


def _add_drop(actions: Any) -> None:  # noqa: ANN401
    command = actions.add_parser("drop", help="delete letters permanently; their backups are not changed")
    _add_selection(command)
    _add_common(command, "dropped")
    _add_stack(command, run_drop)


def _add_selection(command: argparse.ArgumentParser) -> Any:  # noqa: ANN401
    selection = command.add_mutually_exclusive_group(required=True)
    selection.add_argument("--reason", type=find_kind, metavar="R", help="the letters with this reason")
    selection.add_argument("--request-id", metavar="ID", nargs="+", help="the letters of these requests")
    return selection


def _add_stack(command: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    """Let `--stack` also follow the action, as it follows every other command, and require it in one of both places."""
    command.add_argument("--stack", default=argparse.SUPPRESS, metavar="NAME", help="the deployed stack")

    def run_with_stack(args: argparse.Namespace) -> int:
        if args.stack is None:
            raise CommandError("--stack is missing; give the name of the deployed stack")
        return run(args)

    command.set_defaults(run=run_with_stack)


def _add_common(command: argparse.ArgumentParser, verb: str) -> None:
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    command.add_argument("--json", action="store_true", help=f"which letters were {verb}, as JSON")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    low, high = RATE_LIMITS
    if not low <= rate <= high:
        raise argparse.ArgumentTypeError(f'"{text}" is not a rate; give letters per second, from {low} to {high}')
    return rate


def run_list(args: argparse.Namespace) -> int:
    """Read all letters and print them; return the exit code.

    Raises:
        CommandError: the queue cannot be read.
    """
    letters = read_letters(Stack(args.stack))
    if args.reason is not None:
        letters = [letter for letter in letters if letter.kind == args.reason]
    now = datetime.now(UTC)
    if args.json:
        print_json(as_json(letters, now, args.stack), indent=2)
    elif not letters:
        wide_console().print(none_found(args.reason))
    else:
        print_letters(letters, wide_console(), now, args.stack, show_all=args.reason is not None)
    return 0
