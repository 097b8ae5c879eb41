"""`vbs-reaper pause`: stop the deleter; requests wait in the queue.

Exit codes: 0 it is paused, also where it was already; 1 refused; 130 interrupted, and the change goes on.
"""

import argparse
import json
from typing import Any

from vbs_reaper.console import mapping


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
        print("paused: requests wait in the queue, up to 14 days in all; `resume` goes on")  # noqa: T201
    else:
        print("it is paused already; `resume` goes on")  # noqa: T201
    return 0
