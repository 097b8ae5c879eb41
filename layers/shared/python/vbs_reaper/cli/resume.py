"""`vbs-reaper resume`: starts the deleter again after a pause.

Exit codes: 0 it is running or was running before, 1 error, 130 interrupted (the change still takes effect).
"""

import argparse
from typing import Any

from vbs_reaper.checking.ports import ENABLED
from vbs_reaper.cli import event_source
from vbs_reaper.cli.output import print_json


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "resume",
        help="start the deleter again after a pause",
        description="Starts the deleter again and waits until it is running.",
        epilog="Exit codes: 0 it is running or was running before, 1 error, 130 interrupted (the change still takes "
        "effect).",
    )
    event_source.add_options(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Resume the deleter and return the exit code.

    Raises:
        CommandError: see `event_source.switch`.
    """
    changed = event_source.switch(args.stack, ENABLED)
    if args.json:
        print_json({"state": "running", "changed": changed})
    elif changed:
        print("resumed: the deleter processes the requests in the queue")  # noqa: T201
    else:
        print("it is not paused")  # noqa: T201
    return 0
