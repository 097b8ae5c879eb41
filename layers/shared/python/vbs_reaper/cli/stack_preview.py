"""A preview by the purger of a deployed stack: the plan is stored in the stack's bucket and can be approved."""

from datetime import datetime

import msgspec
from rich.console import Console
from rich.text import Text

from vbs_reaper.cli.policy_file import run_event
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import read_plan_pieces
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.run_result import name_of


def plan_on_stack(name: str, policy: PurgePolicy, now: datetime) -> Plan:
    """Invoke the stack's purger in preview mode, whatever the mode of the policy, and return the plan that it stored.

    Raises:
        CommandError: the stack cannot be used, the purger refused the run, or the plan is missing.
        RunRefused: the plans bucket cannot be read.
        InvalidPlan: the stored plan cannot be read.
    """
    stack = Stack(name)
    event = run_event(msgspec.structs.replace(policy, mode="preview"), now)
    with Console(stderr=True).status("the purger is listing the backups and making the plan"):
        answer = stack.invoke("Purger", event)
    if answer["outcome"] == "refused":
        raise CommandError(f"{answer['message']} ({answer['reason']})")
    document = stack.plans.read(policy.policy, answer["run"])
    if document is None:
        raise CommandError(
            f"the plan {name_of(policy.policy, answer['run'])} is not in the bucket; check the bucket's lifecycle rules"
        )
    return read_plan_pieces(document.pieces())


def print_how_to_approve(plan: Plan, stack: str, console: Console) -> None:
    """Print where the plan is stored, and the commands that open its page and approve it."""
    policy, run = plan.policy.policy, str(plan.run)
    console.print(Text(f"\nstored as {name_of(policy, run)}; to open its page:"))
    _print_command(console, f"plans --stack {stack} --policy {policy} --open {run}")
    if plan.totals.due:
        console.print(Text("to delete what is due now:"))
        _print_command(console, f"approve --stack {stack} --policy {policy} --plan {plan.sha256}")


def _print_command(console: Console, command: str) -> None:
    """Print a command without wrapping it, so that it can be copied from a narrow terminal."""
    console.print(Text(f"vbs-reaper {command}", "bold"), soft_wrap=True)
