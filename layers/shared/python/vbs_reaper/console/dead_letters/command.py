"""`vbs-reaper dead-letters`: what was refused or parked and why; sends again what can heal, drops what is done with.

Exit codes: 0 done, also where there are none; 2 some chosen letters were gone meanwhile; 1 refused; 130 interrupted.
"""

import argparse
import json
import math
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Final

from vbs_reaper.console.dead_letters.letter import kind_named
from vbs_reaper.console.dead_letters.moving import run_drop
from vbs_reaper.console.dead_letters.moving import run_redrive
from vbs_reaper.console.dead_letters.queue import read_letters
from vbs_reaper.console.dead_letters.shown import as_json
from vbs_reaper.console.dead_letters.shown import none_found
from vbs_reaper.console.dead_letters.shown import print_letters
from vbs_reaper.console.dead_letters.shown import wide_console
from vbs_reaper.console.deployed_stack import DeployedStack

RATE: Final = 5.0
RATE_LIMITS: Final = (0.1, 1000)
"""Letters a second."""


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
    words.add_argument("--reason", type=kind_named, metavar="R", help="only those of this reason, all of them")
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
    choice.add_argument("--reason", type=kind_named, metavar="R", help="those of this reason")
    choice.add_argument("--request-id", metavar="ID", nargs="+", help="those of these requests")
    return choice


def _add_ends(words: argparse.ArgumentParser) -> None:
    words.add_argument("--yes", action="store_true", help="do not ask")
    words.add_argument("--json", action="store_true", help="what was moved, as JSON")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    low, high = RATE_LIMITS
    if not low <= rate <= high:
        raise argparse.ArgumentTypeError(f'"{text}" is no rate; give letters a second, {low} to {high}')
    return rate


def run_list(chosen: argparse.Namespace) -> int:
    """Read all, show them.

    Raises:
        Refused: the queue cannot be read.
    """
    letters = read_letters(DeployedStack(chosen.stack))
    if chosen.reason is not None:
        letters = [each for each in letters if each.kind == chosen.reason]
    now = datetime.now(UTC)
    if chosen.json:
        print(json.dumps(as_json(letters, now, chosen.stack), indent=2))  # noqa: T201  # a command speaks here
    elif not letters:
        wide_console().print(none_found(chosen.reason))
    else:
        print_letters(letters, wide_console(), now, chosen.stack, everyone=chosen.reason is not None)
    return 0
