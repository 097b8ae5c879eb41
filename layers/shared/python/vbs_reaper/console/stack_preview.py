"""A preview by a deployed stack's own purger: the plan is stored there, and can be approved."""

from datetime import datetime

import msgspec
from rich.console import Console
from rich.text import Text

from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.refusal import Refused
from vbs_reaper.purge.document import read_plan
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.run.result import name_of


def plan_on_stack(name: str, policy: PurgePolicy, now: datetime) -> Plan:
    """Let the stack's purger list and plan, and read the plan that it has stored. The mode of the policy is ignored.

    Raises:
        Refused: the stack cannot be used, or the purger refuses.
        PurgeRefused: the plans bucket cannot be read.
        PlanRefused: the stored plan cannot be read.
    """
    stack = DeployedStack(name)
    run = msgspec.to_builtins(msgspec.structs.replace(policy, mode="preview"))
    with Console(stderr=True).status("the purger lists the backups and plans"):
        answer = stack.invoke("Purger", {"run": run, "scheduled_time": _time_of(now)})
    if answer["outcome"] == "refused":
        raise Refused(f"{answer['message']} ({answer['reason']})")
    document = stack.plans.read(policy.policy, answer["run"])
    if document is None:
        raise Refused(f"the plan {name_of(policy.policy, answer['run'])} is not there; look at the bucket's lifecycle")
    return read_plan(document.body)


def print_how_to_approve(plan: Plan, stack: str, console: Console) -> None:
    """Print where the plan is stored and the command that approves it."""
    policy, run = plan.policy.policy, str(plan.run)
    console.print(Text(f"\nstored as {name_of(policy, run)}; its picture:"))
    _print_command(console, f"plans --stack {stack} --policy {policy} --open {run}")
    if plan.totals.due:
        console.print(Text("to delete what goes now:"))
        _print_command(console, f"approve --stack {stack} --policy {policy} --plan {plan.sha256}")


def _print_command(console: Console, words: str) -> None:
    """Print a command in one line, however narrow the terminal is: it is there to be copied."""
    console.print(Text(f"vbs-reaper {words}", "bold"), soft_wrap=True)


def _time_of(now: datetime) -> str:
    """The time that names the run: the same request sent twice is one run.

    Never a whole minute: that could be the time of a scheduled run, which then would be refused.
    """
    return now.replace(microsecond=0, second=now.second or 1).isoformat()
