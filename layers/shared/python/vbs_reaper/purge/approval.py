"""Finds a plan that a person approves by its sha256, and checks that it may still be carried out.

The plan must be unchanged, stored under its own policy and run, at most 7 days old, and for the project that the target
has now. The policy's newest plan must not keep more, see `superseded`.
"""

from datetime import datetime

from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.event import Approval
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planning import PlannedRun, check_age, read_run
from vbs_reaper.purge.ports import PlanStore
from vbs_reaper.purge.run_result import name_of
from vbs_reaper.reasons import Reason


def find_approved(plans: PlanStore, approval: Approval, now: datetime) -> PlannedRun:
    """Return the approved plan.

    Raises:
        RunRefused: the plan does not exist, was changed, belongs to another policy or run, or is older than 7 days.
    """
    document = plans.find(approval.policy, approval.plan)
    if document is None:
        raise RunRefused(Reason.PLAN_UNKNOWN, f'policy "{approval.policy}" has no stored plan {approval.plan}')
    stored = read_run(approval.policy, document.run, document)
    if stored.plan.sha256 != approval.plan:
        raise RunRefused(
            Reason.PLAN_CHANGED,
            f"{name_of(approval.policy, stored.run)} was stored with the sha256 {approval.plan}, "
            f"but its sha256 is {stored.plan.sha256} now",
        )
    check_age(stored.plan, now)
    return stored


def check_place(plan: Plan, project_id: str | None, address: str | None) -> None:
    """Check that the target's project and address are those of the plan.

    Plans of earlier versions do not contain the address; for them only the project is compared.

    Raises:
        RunRefused: the target has another project or another address now.
    """
    if project_id != plan.project_id:
        raise RunRefused(
            Reason.PLAN_MISPLACED,
            f'the plan is for project {plan.project_id}, but target "{plan.policy.target}" is project {project_id} now',
        )
    if plan.endpoint not in (None, address):
        raise RunRefused(
            Reason.PLAN_MISPLACED,
            f'the plan is for backups at {plan.endpoint}, but target "{plan.policy.target}" is at {address} now',
        )
