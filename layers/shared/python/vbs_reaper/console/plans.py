"""`vbs-reaper plans`: the plans that a stack has stored, newest first; and the picture of one of them, opened."""

import argparse
import json
import os
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.console.stored_plans import StoredPlan
from vbs_reaper.console.stored_plans import find_run
from vbs_reaper.console.stored_plans import stored_plans
from vbs_reaper.purge.run.result import key_of

_ANY_WIDTH: Final = 1000
"""Wider than a table of plans can be: a policy's name has up to 63 characters, a run's up to 64."""
_NO_SUCH_KEY: Final = "NoSuchKey"


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "plans",
        help="list a stack's purge plans, or open the picture of one",
        description="Lists the purge plans that a stack has stored; opens the picture of one.",
    )
    words.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    words.add_argument("--policy", metavar="NAME", help="only plans of this policy")
    words.add_argument(
        "--open", metavar="RUN", help="open the picture of this run, its name or its beginning; needs --policy"
    )
    words.add_argument("--json", action="store_true", help="the list, or the picture's path, as JSON")
    words.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """List, or open.

    Raises:
        Refused: the stack or the plan cannot be had.
    """
    stack = DeployedStack(chosen.stack)
    if chosen.open is None:
        found = list(stored_plans(stack, chosen.policy))
        if chosen.json:
            _print(found)
        else:
            _show(found)
        return 0
    if chosen.policy is None:
        raise Refused("--open needs --policy: runs of several policies may have one name")
    page = _fetch(stack, chosen.policy, find_run(stack, chosen.policy, chosen.open))
    print(json.dumps({"picture": str(page)}) if chosen.json else page)  # noqa: T201  # a command speaks here
    webbrowser.open(page.as_uri())
    return 0


def _show(found: Sequence[StoredPlan]) -> None:
    """Print the plans: a table where it fits, else a block for each. Nothing in it is ever cut or folded."""
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    table = _table(found)
    needed = Console(width=_ANY_WIDTH).measure(table).maximum
    if not is_known or Console().width >= needed:
        Console(width=needed).print(table)
        return
    for each in found:
        print(_block(each))  # noqa: T201  # the terminal itself may wrap it: a line is copied as one


def _table(found: Sequence[StoredPlan]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("policy", "run", "stored", "sent", "sha256"):
        table.add_column(name, no_wrap=True)
    for each in found:
        table.add_row(*map(Text, (each.policy, each.run, _when(each), "yes" if each.sent else "", each.sha256)))
    return table


def _block(one: StoredPlan) -> str:
    sent = ", sent" if one.sent else ""
    return f"{one.policy}, stored {_when(one)}{sent}\n  run {one.run}\n  sha256 {one.sha256}\n"


def _when(one: StoredPlan) -> str:
    return f"{one.stored:%Y-%m-%d %H:%M} UTC"


def _print(found: Sequence[StoredPlan]) -> None:
    documents = [asdict(each) | {"stored": each.stored.isoformat(timespec="seconds")} for each in found]
    print(json.dumps(documents))  # noqa: T201  # a command speaks here


def _fetch(stack: DeployedStack, policy: str, run: str) -> Path:
    key = key_of(policy, run, "html")
    try:
        answer = stack.s3.get_object(Bucket=stack.bucket, Key=key)
        page = answer["Body"].read()
    except AWS_ERRORS as error:
        if code_of(error) == _NO_SUCH_KEY:
            raise Refused(f'run {run} of policy "{policy}" has no picture; `approve` shows its plan') from None
        raise stack.failed(f"read {key}", error) from None
    with tempfile.NamedTemporaryFile(prefix="vbs-reaper-plan-", suffix=".html", delete=False) as file:
        file.write(page)
    return Path(file.name)
