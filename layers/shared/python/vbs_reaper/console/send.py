"""`vbs-reaper send`: asks for the deletion of named backups, and shows how each request ends."""

import argparse
import getpass
import sys
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import Final

from rich.console import Console

from vbs_reaper.console.asked_for import AskedFor
from vbs_reaper.console.asked_for import Line
from vbs_reaper.console.asked_for import lines
from vbs_reaper.console.asked_for import read_all
from vbs_reaper.console.asked_for import words
from vbs_reaper.console.confirmation import require_number
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.console.sending import Sending

A_HANDFUL: Final = 20
"""More than so many are not sent without a word of confirmation."""
STDIN: Final = "-"


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    own = commands.add_parser(
        "send",
        help="ask for the deletion of named backups, and follow it",
        description="Asks for the deletion of the named backups and shows how each request ends. Everything is checked "
        "before anything is sent.",
        epilog="Exit codes: 0 every backup is gone (with --no-wait: every request is in the queue), 2 some were "
        "refused, parked or not sent, 1 bad input, 130 interrupted (the deletions go on).",
    )
    own.add_argument("ids", nargs="*", metavar="ID", help="a backup's id")
    own.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    own.add_argument(
        "--file",
        metavar="FILE",
        help="one id a line, or one whole request as JSON; # begins a comment; - is standard input",
    )
    own.add_argument("--target", metavar="T", help="whose backups; default: the stack's default target")
    own.add_argument("--project-id", metavar="P", help="a guard: refused where the target is of another project")
    own.add_argument("--reason", metavar="TEXT", help="why; stands in the log and the events")
    own.add_argument("--requested-by", metavar="TEXT", help="who asks; default: the name you are logged in with")
    own.add_argument("--no-wait", action="store_true", help="send, and do not wait for the ends")
    own.add_argument("--json", action="store_true", help="one JSON object a line for each request, as it ends")
    own.add_argument("--yes", action="store_true", help=f"do not ask, however many (else above {A_HANDFUL})")
    own.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Read all, ask, send, follow.

    Raises:
        Refused: a line is bad, the stack cannot be used, or the person does not agree; nothing was sent.
    """
    console = Console(stderr=chosen.json, soft_wrap=True)
    asked = read_all(_given(chosen), _shared(chosen), datetime.now(UTC))
    for repeat in asked.repeats:
        console.print(repeat, markup=False, highlight=False)
    stack = DeployedStack(chosen.stack)
    _confirm(chosen, asked)
    return Sending(stack, console, chosen).carry_out(asked.requests)


def _given(chosen: argparse.Namespace) -> list[Line]:
    given = list(words(chosen.ids))
    if chosen.file is None:
        return given
    if chosen.file == STDIN:
        name, content = "standard input", sys.stdin.buffer.read()
    else:
        name, content = chosen.file, _read(Path(chosen.file))
    found = list(lines(name, content))
    if not found:
        raise Refused(f"{name}: names no backup; give one id a line")
    return given + found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None


def _shared(chosen: argparse.Namespace) -> dict[str, str]:
    requested_by = chosen.requested_by or f"{_user()} (vbs-reaper send)"
    given = {
        "target": chosen.target,
        "project_id": chosen.project_id,
        "reason": chosen.reason,
        "requested_by": requested_by,
    }
    return {name: value for name, value in given.items() if value is not None}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in a container
        return "somebody"


def _confirm(chosen: argparse.Namespace, asked: AskedFor) -> None:
    count = len(asked.requests)
    if chosen.yes or count <= A_HANDFUL:
        return
    if chosen.file == STDIN:
        raise Refused(f"{count:,} backups, and standard input is the list itself; say --yes; nothing was sent")
    question = f"To delete {count:,} backups for good, type their number: "
    require_number(question, count, "that is not their number; nothing was sent")
