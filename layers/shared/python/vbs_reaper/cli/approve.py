"""`vbs-reaper approve`: shows a stored plan, asks for confirmation, requests its deletions and follows them.

Exit codes: 0 if all requested backups are gone, 2 if some deletions were refused, superseded or parked, 1 if the input
is rejected or the approval is refused, 130 if interrupted (the deletions continue).
"""

import argparse
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console

from vbs_reaper.cli.plan_text import print_plan
from vbs_reaper.cli.prompts import require_typed
from vbs_reaper.cli.sent_deletions import send_and_follow
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_plans import find_sha256
from vbs_reaper.errors import CommandError, RunRefused
from vbs_reaper.purge.approval import find_approved
from vbs_reaper.purge.event import Approval
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.sent_marks import read_sending
from vbs_reaper.purge.superseded import check_newest
from vbs_reaper.text import count


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "approve",
        help="request the deletions of a stored purge plan, and follow them",
        description=(
            "Requests the deletions that are due by a stored plan, and follows them until they end. The backups of the "
            "target are listed again: a backup that the policy no longer selects is left out and reported."
        ),
        epilog=(
            "Exit codes: 0 if all requested backups are gone, 2 if some deletions were refused, superseded or parked, "
            "1 if the approval is refused, or an error; 130 interrupted (the deletions continue)."
        ),
    )
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument("--policy", required=True, metavar="NAME", help="the policy of the plan")
    command.add_argument(
        "--plan", required=True, metavar="SHA256", help="the plan's sha256 as listed by `plans`, or its first digits"
    )
    command.add_argument("--include-grace", action="store_true", help="request the deletion of backups in grace too")
    command.add_argument(
        "--json", action="store_true", help="print the purger's answer and the deletions per outcome as JSON"
    )
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        CommandError: the plan does not exist or cannot be approved any more, the user does not confirm, or the purger
            refuses the approval.
    """
    stack, console = Stack(args.stack), Console(stderr=args.json)
    sha256 = find_sha256(stack, args.policy, args.plan)
    approval = Approval(policy=args.policy, plan=sha256, include_grace=args.include_grace)
    plan = _find(stack, approval, datetime.now(UTC))
    console.print(f"sha256 {sha256}", soft_wrap=True)
    print_plan(plan, console, with_calendars=False)
    if plan.exceeded:
        console.print(
            "A guard refuses this plan. Your approval overrides it, for the numbers shown above.", style="yellow"
        )
    if not args.yes:
        _ask(plan, plan.totals.selected if args.include_grace else plan.totals.due)
    event, started_at = {"approve": msgspec.to_builtins(approval)}, datetime.now(UTC)
    return send_and_follow(stack, args.policy, event, console, started_at, as_json=args.json)


def _find(stack: Stack, approval: Approval, now: datetime) -> Plan:
    """Return the plan, if the purger would not refuse to carry it out. The purger checks the same and more again."""
    with_grace = approval.include_grace
    try:
        stored = find_approved(stack.plans, approval, now)
        if not read_sending(stack.plans, stored, with_grace=with_grace).is_complete:
            check_newest(stack.plans, stored.plan, with_grace=with_grace)
    except RunRefused as refusal:
        raise CommandError(f"{refusal} ({refusal.reason.value}). {refusal.reason.action}") from None
    return stored.plan


def _ask(plan: Plan, deletions: int) -> None:
    target = str(plan.policy.target)
    question = f'To permanently delete up to {count(deletions, "backup")}, type the name of the target, "{target}": '
    require_typed(question, target, "that is not the name of the target; nothing was sent")
