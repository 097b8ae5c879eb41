"""`vbs-reaper approve`: shows a stored plan, asks for confirmation, requests its deletions and follows them.

Exit codes: 0 if all requested backups are gone, 2 if some deletions were refused, superseded or parked, 1 if the input
is rejected or the approval is refused.
"""

import argparse
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

from vbs_reaper.cli.deletion_log import DeletionLog, about
from vbs_reaper.cli.follow import EXIT_ALL_GONE, EXIT_SOME_LEFT, Follower, follow_to_the_end
from vbs_reaper.cli.log_record import GONE, LogRecord
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.plan_text import print_plan
from vbs_reaper.cli.prompts import require_typed
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_plans import find_sha256
from vbs_reaper.errors import CommandError, InvalidPlan, RunRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import read_plan_pieces
from vbs_reaper.purge.run_result import name_of

LEFT_OUT_SHOWN: Final = 20
"""Maximum number of left-out backups that are printed."""


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
            "1 if the approval is refused."
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
        CommandError: the plan does not exist, the user does not confirm, or the purger refuses the approval.
    """
    stack, console = Stack(args.stack), Console(stderr=args.json)
    sha256 = find_sha256(stack, args.policy, args.plan)
    plan = _find(stack, args.policy, sha256)
    console.print(f"sha256 {sha256}", soft_wrap=True)
    print_plan(plan, console, with_calendars=False)
    if plan.exceeded:
        console.print(
            "A guard refuses this plan. Your approval overrides it, for the numbers shown above.", style="yellow"
        )
    if not args.yes:
        _ask(plan, plan.totals.selected if args.include_grace else plan.totals.due)
    started_at = datetime.now(UTC)
    approval = {"policy": args.policy, "plan": sha256, "include_grace": args.include_grace}
    answer = stack.invoke("Purger", {"approve": approval})
    if answer["outcome"] == "refused":
        raise CommandError(f"{answer['message']} ({answer['reason']})")
    console.print(answer["message"], markup=False)
    if "left_out" in answer:
        _print_left_out(console, answer["left_out"])
    ends: Counter[str] = Counter()
    if answer["outcome"] == "completed":
        ends = _follow(stack, console, name_of(args.policy, answer["run"]), answer["requested"], started_at)
    if args.json:
        print_json({**answer, "ends": ends})
    return EXIT_ALL_GONE if ends.keys() <= GONE else EXIT_SOME_LEFT


def _find(stack: Stack, policy: str, sha256: str) -> Plan:
    try:
        found = stack.plans.find(policy, sha256)
        if found is None:
            raise CommandError(f'policy "{policy}" has no stored plan {sha256}; `vbs-reaper plans` lists them')
        return read_plan_pieces(found.pieces())
    except (RunRefused, InvalidPlan) as refusal:
        raise CommandError(str(refusal)) from None


def _ask(plan: Plan, deletions: int) -> None:
    target = str(plan.policy.target)
    question = f"To permanently delete up to {deletions:,} backups, type the name of the target ({target}): "
    require_typed(question, target, "that is not the name of the target; nothing was sent")


def _print_left_out(console: Console, left_out: dict[str, Any]) -> None:
    """Print the backups whose deletion was not requested, and why."""
    named = left_out["backups"]
    for each in named[:LEFT_OUT_SHOWN]:
        console.print(f"left out: {each['id']} ({each['reason']})", markup=False, soft_wrap=True)
    if left_out["count"] > LEFT_OUT_SHOWN:
        more = left_out["count"] - len(named[:LEFT_OUT_SHOWN])
        console.print(f"and {more:,} more; --json names the first {len(named):,}", markup=False)


def _follow(stack: Stack, console: Console, requested_by: str, requested: int, since: datetime) -> Counter[str]:
    """Follow the deletions until all have ended; return their number by outcome. Stopping this stops no deletion."""
    follower = Follower(DeletionLog(stack), about(requested_by), since, lambda line: _backup_of(line, requested_by))
    follow_to_the_end(follower, requested, console, lambda _backup_id, _line: None)
    ends = Counter(line.outcome for line in follower.ended.values())
    for outcome, count in sorted(ends.items()):
        console.print(f"{outcome}: {count:,}", markup=False)
    return ends


def _backup_of(line: LogRecord, requested_by: str) -> str | None:
    return line.backup_id if line.requested_by == requested_by else None
