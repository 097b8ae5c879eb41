"""`vbs-reaper holds`: lists what the stack must not delete, and the runs that are stopped.

Exit codes: 0 done, or there are none; 1 error.
"""

import argparse
from datetime import UTC, datetime
from typing import Any

from vbs_reaper.cli.hold_text import as_json, block, totals
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_holds import StoredHolds


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "holds",
        help="list holds and stops: what, by whom, until when, why",
        description="Lists the live holds and stops of a stack: what is held, by whom, until when, and why. Markers in "
        "the names of backups are not listed: plans and their pages show them.",
        epilog="Exit codes: 0 done, or there are none; 1 error.",
    )
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument("--all", action="store_true", help="also those that have ended")
    command.add_argument("--json", action="store_true", help="the holds as JSON, which `hold --from-file` reads")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List the holds; return the exit code.

    Raises:
        CommandError: the holds cannot be listed.
    """
    store, now = StoredHolds(Stack(args.stack)), datetime.now(UTC)
    found = store.list_all()
    live = [hold for hold in found if hold.is_live(now)]
    shown = store.read(found if args.all else live)
    ended = len(found) - len(live)
    if args.json:
        document = {"holds": [as_json(each, now) for each in shown], "ended": ended}
        print_json(document, indent=2)
        return 0
    for each in shown:
        print("\n".join(block(each, now)), end="\n\n")  # noqa: T201
    print(_summary(totals(live) or "no holds and no stops", ended, shows_all=args.all))  # noqa: T201
    return 0


def _summary(live: str, ended: int, *, shows_all: bool) -> str:
    if not ended:
        return live
    how = "" if shows_all else "--all shows them, "
    return f"{live}; {ended:,} more ended: {how}`release --ended` removes them"
