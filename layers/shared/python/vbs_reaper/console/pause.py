"""`vbs-reaper pause`: stop the deleter; requests wait in the queue.

Exit codes: 0 it is paused, also where it was already; 1 refused; 130 interrupted, and the change goes on.
"""

import argparse
import json
from datetime import UTC
from datetime import datetime
from typing import Any

from vbs_reaper.console import mapping
from vbs_reaper.console.dead_letters.shown import RETENTION


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "pause",
        help="stop the deleter; requests wait in the queue",
        description="Stops the deleter, waits until it is stopped; requests wait in the queue, up to 14 days in all.",
        epilog="Exit codes: 0 it is paused, also where it was already; 1 refused, 130 interrupted.",
    )
    mapping.add_options(words)
    words.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Pause.

    Raises:
        Refused: see `mapping.switch`.
    """
    changed = mapping.switch(chosen.stack, mapping.DISABLED)
    if chosen.json:
        print(json.dumps({"state": "paused", "changed": changed}))  # noqa: T201  # a command speaks here
    elif changed:
        print(f"paused: requests wait in the queue. {_until_when(datetime.now(UTC))}")  # noqa: T201
    else:
        print(f"it is paused already. {_until_when(datetime.now(UTC))}")  # noqa: T201
    return 0


def _until_when(now: datetime) -> str:
    """When requests begin to be lost: how old the oldest is SQS does not tell, so this is said of one sent now."""
    return (
        f"SQS deletes a request 14 days after it was sent: one that is sent now on {now + RETENTION:%Y-%m-%d}, an "
        "older one before that. `resume` goes on"
    )
