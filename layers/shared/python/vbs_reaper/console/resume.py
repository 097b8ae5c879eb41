"""`vbs-reaper resume`: let the deleter go on after a pause.

Exit codes: 0 it runs, also where it did already; 1 refused; 130 interrupted, and the change goes on.
"""

import argparse
import json
from typing import Any

from vbs_reaper.console import mapping


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "resume",
        help="let the deleter go on after a pause",
        description="Lets the deleter go on and waits until it does.",
        epilog="Exit codes: 0 it runs, also where it did already; 1 refused, 130 interrupted.",
    )
    mapping.add_options(words)
    words.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Resume.

    Raises:
        Refused: see `mapping.switch`.
    """
    changed = mapping.switch(chosen.stack, mapping.ENABLED)
    if chosen.json:
        print(json.dumps({"state": "running", "changed": changed}))  # noqa: T201  # a command speaks here
    elif changed:
        print("resumed: the requests in the queue are taken up again")  # noqa: T201
    else:
        print("it is not paused")  # noqa: T201
    return 0
