"""`vbs-reaper pause`: stops the deleter; requests wait in the queue.

Exit codes: 0 it is paused or was paused before, 1 error, 130 interrupted (the change still takes effect).
"""

import argparse
from datetime import UTC, datetime
from typing import Any

from vbs_reaper.cli import event_source
from vbs_reaper.cli.dead_letters.render import RETENTION
from vbs_reaper.cli.output import print_json


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "pause",
        help="stop the deleter; requests wait in the queue",
        description="Stops the deleter and waits until it is stopped. Requests wait in the queue, for at most 14 days "
        "after they were sent.",
        epilog="Exit codes: 0 it is paused or was paused before, 1 error, 130 interrupted (the change still takes "
        "effect).",
    )
    event_source.add_options(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pause the deleter and return the exit code.

    Raises:
        CommandError: see `event_source.switch`.
    """
    changed = event_source.switch(args.stack, event_source.DISABLED)
    if args.json:
        print_json({"state": "paused", "changed": changed})
    elif changed:
        print(f"paused: requests wait in the queue. {_retention(datetime.now(UTC))}")  # noqa: T201
    else:
        print(f"it is paused already. {_retention(datetime.now(UTC))}")  # noqa: T201
    return 0


def _retention(now: datetime) -> str:
    """Return when requests will be lost. SQS does not report the age of the oldest, so it is given for one sent now."""
    return (
        f"SQS deletes a request 14 days after it was sent: a request that is sent now on {now + RETENTION:%Y-%m-%d}, "
        "older ones earlier. `vbs-reaper resume` starts the deleter again"
    )
