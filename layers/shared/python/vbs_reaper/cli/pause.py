"""`vbs-reaper pause`: stops the deleter; requests wait in the queue.

Exit codes: 0 it is paused or was paused before, 1 error, 130 interrupted (the change still takes effect).
"""

import argparse
from datetime import UTC, datetime
from typing import Any

from vbs_reaper.cli import event_source
from vbs_reaper.cli.oldest_request import RETENTION, first_expiry
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
    now = datetime.now(UTC)
    first = first_expiry(args.stack, now)
    if args.json:
        print_json({"state": "paused", "changed": changed, "first_request_expires": first and first.isoformat()})
    else:
        state = "paused: requests wait in the queue" if changed else "it is paused already"
        print(f"{state}. {_retention(first, now)}")  # noqa: T201
    return 0


def _retention(first: datetime | None, now: datetime) -> str:
    """Return when requests will be lost."""
    latest = f"{now + RETENTION:%Y-%m-%d}"
    if first is None:
        dates = f"one that is sent now on {latest}, older ones earlier"
    else:
        dates = f"the oldest not before {first:%Y-%m-%d}, one that is sent now on {latest}"
    return f"SQS deletes a request 14 days after it was sent: {dates}. `vbs-reaper resume` starts the deleter again"
