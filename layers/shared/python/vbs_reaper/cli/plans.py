"""`vbs-reaper plans`: lists the plans that a stack has stored, newest first, or opens the HTML page of one.

Exit codes: 0 done, or there are none; 1 error.
"""

import argparse
import os
import sys
import tempfile
import webbrowser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_plans import StoredPlan, find_run, stored_plans
from vbs_reaper.errors import CommandError
from vbs_reaper.purge.run_result import key_of

_ANY_WIDTH: Final = 1000
"""More columns than a table of plans can have: the name of a policy has at most 63 characters, of a run 64."""
_NO_SUCH_KEY: Final = "NoSuchKey"


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "plans",
        help="list a stack's purge plans, or open the page of one",
        description="Lists the purge plans that a stack has stored, newest first, or opens the HTML page of one. The "
        "result of a plan is: sent, partly sent, nothing due, how many deletions are due (they were not requested), or "
        "the guards that it exceeds (a purge by it is refused until you approve it).",
        epilog="Exit codes: 0 done, or there are none; 1 error.",
    )
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument("--policy", metavar="NAME", help="only plans of this policy")
    command.add_argument(
        "--open", metavar="RUN", help="open the page of this run: its name, or the beginning of it; needs --policy"
    )
    command.add_argument("--json", action="store_true", help="the list, or the path of the page, as JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List the plans, or open a page; return the exit code.

    Raises:
        CommandError: the stack or the page cannot be read.
    """
    stack = Stack(args.stack)
    if args.open is None:
        found = list(stored_plans(stack, args.policy))
        if args.json:
            _print_json(found)
        elif found:
            _print_table(found)
        else:
            print(f'policy "{args.policy}" has no stored plan' if args.policy else "no stored plans")  # noqa: T201  # the output
        return 0
    if args.policy is None:
        raise CommandError("--open needs --policy: runs of different policies may have the same name")
    page = _download(stack, args.policy, find_run(stack, args.policy, args.open))
    if args.json:
        print_json({"picture": str(page)})
    else:
        print(page)  # noqa: T201  # the output of the command
    webbrowser.open(page.as_uri())
    return 0


def _print_table(found: Sequence[StoredPlan]) -> None:
    """Print the plans as a table if it fits, else as a block for each. Nothing is truncated or wrapped."""
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    table = _table(found)
    needed = Console(width=_ANY_WIDTH).measure(table).maximum
    if not is_known or Console().width >= needed:
        Console(width=needed).print(table)
        return
    for plan in found:
        print(_block(plan))  # noqa: T201  # if only the terminal wraps a line, it is still copied as one


def _table(found: Sequence[StoredPlan]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("policy", "run", "stored", "result", "sha256"):
        table.add_column(name, no_wrap=True)
    for plan in found:
        table.add_row(*map(Text, (plan.policy, plan.run, _stored(plan), plan.result, plan.sha256)))
    return table


def _block(plan: StoredPlan) -> str:
    result = plan.result and f", {plan.result}"
    return f"{plan.policy}, stored {_stored(plan)}{result}\n  run {plan.run}\n  sha256 {plan.sha256}\n"


def _stored(plan: StoredPlan) -> str:
    return f"{plan.stored:%Y-%m-%d %H:%M} UTC"


def _print_json(found: Sequence[StoredPlan]) -> None:
    rows = [asdict(plan) | {"stored": plan.stored.isoformat(timespec="seconds")} for plan in found]
    print_json(rows)


def _download(stack: Stack, policy: str, run: str) -> Path:
    key = key_of(policy, run, "html")
    try:
        answer = stack.s3.get_object(Bucket=stack.bucket, Key=key)
        page = answer["Body"].read()
    except AWS_ERRORS as error:
        if code_of(error) == _NO_SUCH_KEY:
            raise CommandError(
                f'run {run} of policy "{policy}" has no page; `vbs-reaper approve` shows its plan'
            ) from None
        raise stack.failed(f"read {key}", error) from None
    with tempfile.NamedTemporaryFile(prefix="vbs-reaper-plan-", suffix=".html", delete=False) as file:
        file.write(page)
    return Path(file.name)
