"""`vbs-reaper approve`: shows a stored plan's totals, asks, has it sent, and tells how its deletions end.

Exit codes: 0 every requested backup is gone, 2 some deletions were refused or parked; 1 the input or the approval is
refused.
"""

import argparse
import json
from collections import Counter
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Final

from rich.console import Console

from vbs_reaper.console.confirmation import require_typed
from vbs_reaper.console.deleter_log import DeleterLog
from vbs_reaper.console.deleter_log import about
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.following import EXIT_ALL_GONE
from vbs_reaper.console.following import EXIT_SOME_LEFT
from vbs_reaper.console.following import Following
from vbs_reaper.console.following import follow_to_the_end
from vbs_reaper.console.pass_line import GONE
from vbs_reaper.console.pass_line import PassLine
from vbs_reaper.console.refusal import Refused
from vbs_reaper.console.stored_plans import find_sha256
from vbs_reaper.console.summary import print_plan
from vbs_reaper.purge.document import PlanRefused
from vbs_reaper.purge.document import read_plan
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.run.result import name_of

TOLD_LEFT_OUT: Final = 20
"""How many of what was left out are named on the terminal."""


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "approve",
        help="have a stored purge plan sent, and follow its deletions",
        description=(
            "Has deleted what a stored plan calls due and its policy still lets go, and follows the deletions to their "
            "ends. The target is listed again; what is left out is told."
        ),
        epilog=(
            "Exit codes: 0 every requested backup is gone, 2 some were refused or parked, 1 the approval is refused."
        ),
    )
    words.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    words.add_argument("--policy", required=True, metavar="NAME", help="the plan's policy")
    words.add_argument(
        "--plan", required=True, metavar="SHA256", help="the plan's sha256 as `plans` lists it, or its first digits"
    )
    words.add_argument("--include-grace", action="store_true", help="send also what is still in its grace")
    words.add_argument("--json", action="store_true", help="the purger's answer and how many ended how, as JSON")
    words.add_argument("--yes", action="store_true", help="do not ask")
    words.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Show, ask, send, follow.

    Raises:
        Refused: there is no such plan, the person does not agree, or the purger refuses.
    """
    stack, console = DeployedStack(chosen.stack), Console(stderr=chosen.json)
    sha256 = find_sha256(stack, chosen.policy, chosen.plan)
    plan = _find(stack, chosen.policy, sha256)
    console.print(f"sha256 {sha256}", soft_wrap=True)
    print_plan(plan, console, with_calendars=False)
    if not chosen.yes:
        _ask(plan, plan.totals.selected if chosen.include_grace else plan.totals.due)
    began = datetime.now(UTC)
    approval = {"policy": chosen.policy, "plan": sha256, "include_grace": chosen.include_grace}
    answer = stack.invoke("Purger", {"approve": approval})
    if answer["outcome"] == "refused":
        raise Refused(f"{answer['message']} ({answer['reason']})")
    console.print(answer["message"], markup=False)
    if "left_out" in answer:
        _tell_left_out(console, answer["left_out"])
    ends: Counter[str] = Counter()
    if answer["outcome"] == "completed":
        ends = _follow(stack, console, name_of(chosen.policy, answer["run"]), answer["requested"], began)
    if chosen.json:
        print(json.dumps({**answer, "ends": ends}))  # noqa: T201  # a command speaks here
    return EXIT_ALL_GONE if ends.keys() <= GONE else EXIT_SOME_LEFT


def _find(stack: DeployedStack, policy: str, sha256: str) -> Plan:
    try:
        found = stack.plans.find(policy, sha256)
        if found is None:
            raise Refused(f'policy "{policy}" has no stored plan {sha256}; `vbs-reaper plans` lists them')
        return read_plan(found.body)
    except (PurgeRefused, PlanRefused) as refusal:
        raise Refused(str(refusal)) from None


def _ask(plan: Plan, deletions: int) -> None:
    target = str(plan.policy.target)
    question = f"To delete up to {deletions:,} backups for good, type the target's name ({target}): "
    require_typed(question, target, "that is not the target's name; nothing was sent")


def _tell_left_out(console: Console, left_out: dict[str, Any]) -> None:
    """Name what was not sent, and why."""
    told = left_out["backups"]
    for each in told[:TOLD_LEFT_OUT]:
        console.print(f"left out: {each['id']} ({each['reason']})", markup=False, soft_wrap=True)
    if left_out["count"] > TOLD_LEFT_OUT:
        more = left_out["count"] - len(told[:TOLD_LEFT_OUT])
        console.print(f"and {more:,} more; --json names the first {len(told):,}", markup=False)


def _follow(stack: DeployedStack, console: Console, requested_by: str, requested: int, began: datetime) -> Counter[str]:
    """Until the last deletion has ended: how many ended how. To stop looking stops no deletion."""
    following = Following(DeleterLog(stack), about(requested_by), began, lambda line: _backup_of(line, requested_by))
    follow_to_the_end(following, requested, console, lambda _backup_id, _line: None)
    ends = Counter(line.outcome for line in following.ended.values())
    for outcome, count in sorted(ends.items()):
        console.print(f"{outcome}: {count:,}", markup=False)
    return ends


def _backup_of(line: PassLine, requested_by: str) -> str | None:
    return line.backup_id if line.requested_by == requested_by else None
