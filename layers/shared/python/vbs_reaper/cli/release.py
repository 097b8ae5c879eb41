"""`vbs-reaper release`: removes holds and stops.

Exit codes: 0 done, or there was nothing to remove; 1 error, or the person did not confirm.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from vbs_reaper.backups.holds import Hold
from vbs_reaper.cli.hold_text import as_json, block, totals, what
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.prompts import require_number
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_holds import DIGITS, StoredHolds
from vbs_reaper.errors import CommandError
from vbs_reaper.text import count, printable

_DIGITS: Final = re.compile(rf"[0-9a-f]{{{DIGITS}}}", re.ASCII)
CANDIDATES_SHOWN: Final = 8
"""Maximum number of holds that are named if digits are ambiguous."""


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "release",
        help="remove holds and stops",
        description="Removes holds and stops. What they forbade can be deleted again.",
        epilog="Exit codes: 0 done, or there was nothing to remove; 1 error.",
    )
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument(
        "names", nargs="*", metavar="HOLD", help=f"the name that `holds` prints, or its last {DIGITS} digits"
    )
    command.add_argument("--ended", action="store_true", help="all holds and stops that have ended")
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    command.add_argument("--json", action="store_true", help="which holds were removed, as JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Find the holds, confirm, and remove them; return the exit code.

    Raises:
        CommandError: a hold does not exist or is ambiguous, the person did not confirm, or AWS failed.
    """
    if bool(args.names) == args.ended:
        raise CommandError("give the names of holds, as `vbs-reaper holds` prints them, or --ended")
    store, now = StoredHolds(Stack(args.stack)), datetime.now(UTC)
    found = store.list_all()
    wanted = {hold.name: hold for name in args.names for hold in [_find_one(found, name)]}
    chosen = list(wanted.values()) if args.names else [hold for hold in found if not hold.is_live(now)]
    stored = store.read(chosen)
    if chosen and not args.yes:
        for each in stored:
            print("\n".join(block(each, now)), end="\n\n", file=sys.stderr)  # noqa: T201  # what is asked about
        question = f"To release {totals(chosen)}, type {len(chosen)}: "
        require_number(question, len(chosen), "that is not the number; nothing was released")
    store.release(chosen)
    if args.json:
        print_json({"released": [as_json(each, now) for each in stored]}, indent=2)
        return 0
    for each in stored:
        others = _others_on_the_same(found, each.hold, chosen, now)
        still = f", but {count(others, 'other hold')} on it still count{'s' if others == 1 else ''}" if others else ""
        print(f"released: {what(each)}{still}")  # noqa: T201  # the output of the command
    if not chosen:
        print("no hold or stop has ended")  # noqa: T201
    return 0


def _find_one(found: Sequence[Hold], given: str) -> Hold:
    exact = [hold for hold in found if hold.name == given]
    ending = [hold for hold in found if hold.name.endswith(f"-{given}")] if _DIGITS.fullmatch(given) else []
    matches = exact or ending
    if not matches:
        raise CommandError(
            f'there is no hold "{printable(given[:128])}"; `vbs-reaper holds` lists them. Nothing was released'
        )
    if len(matches) > 1:
        names = " or ".join(printable(hold.name) for hold in matches[:CANDIDATES_SHOWN])
        raise CommandError(f"{given} is ambiguous: {names}; give the whole name. Nothing was released")
    return matches[0]


def _others_on_the_same(found: Sequence[Hold], hold: Hold, chosen: Sequence[Hold], now: datetime) -> int:
    """Return how many other live holds are on the same thing."""
    same = [each for each in found if (each.kind, each.of) == (hold.kind, hold.of) and each.is_live(now)]
    return sum(each not in chosen for each in same)
