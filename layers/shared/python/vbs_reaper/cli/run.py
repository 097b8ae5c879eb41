"""`vbs-reaper run`: runs a purge policy on the stack now, once, and follows the deletions.

Exit codes: 0 if all requested backups are gone, 2 if some deletions were refused, superseded or parked, 1 if the input
is rejected or the run is refused, 130 if interrupted (the deletions continue).
"""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from vbs_reaper.cli.policy_file import read_policy_file, run_event
from vbs_reaper.cli.prompts import require_typed
from vbs_reaper.cli.sent_deletions import send_and_follow
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "run",
        help="run a purge policy now, as its schedule would, and follow the deletions",
        description=(
            "Has the stack's purger list the backups, store a plan and request the deletions that are due. The purger "
            "is invoked once, and the command waits up to the 15 minutes that it may take. To see the plan before "
            "anything is deleted, use `preview --stack` and `approve`."
        ),
        epilog=(
            "Exit codes: 0 if all requested backups are gone, 2 if some deletions were refused, superseded or parked, "
            "1 if the run is refused, or an error; 130 interrupted (the deletions continue)."
        ),
    )
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument(
        "--policy",
        type=Path,
        required=True,
        metavar="FILE",
        help='the purge policy as JSON with "mode": "purge", or the event of a schedule that contains it: {"run": …}; '
        "the time of the event is ignored",
    )
    command.add_argument(
        "--json", action="store_true", help="print the purger's answer and the deletions per outcome as JSON"
    )
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the policy and follow the deletions; return the exit code.

    Raises:
        CommandError: the policy cannot be used, the user does not confirm, or the purger refuses the run.
    """
    policy = read_policy_file(args.policy)
    if policy.mode != "purge":
        raise CommandError(f'{args.policy}: the mode of the policy is "{policy.mode}"; show its plan with `preview`')
    stack, console, started_at = Stack(args.stack), Console(stderr=args.json), datetime.now(UTC)
    if not args.yes:
        question = (
            "To permanently delete what is due by this policy, without seeing a plan first, type the name of the "
            f"policy ({policy.policy}): "
        )
        require_typed(question, policy.policy, "that is not the name of the policy; nothing was sent")
    event = run_event(policy, started_at)
    return send_and_follow(stack, policy.policy, event, console, started_at, as_json=args.json)
