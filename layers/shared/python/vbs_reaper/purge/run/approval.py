"""A plan that a person approves by its hash: found, unchanged, in its place, young enough, of the same project.

The policy's newest plan must select by the same rules: what was changed since then must not be undone by an approval.
"""

from datetime import datetime

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.purge.document import PlanRefused
from vbs_reaper.purge.document import read_head
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.ports import PlanStore
from vbs_reaper.purge.run.event import Approval
from vbs_reaper.purge.run.planning import PlannedRun
from vbs_reaper.purge.run.planning import check_age
from vbs_reaper.purge.run.planning import check_stored_when_made
from vbs_reaper.purge.run.planning import read_run
from vbs_reaper.purge.run.result import name_of


def find_approved(plans: PlanStore, approval: Approval, now: datetime) -> PlannedRun:
    """The approved plan.

    Raises:
        PurgeRefused: there is none, it was changed, lies in the wrong place, or is older than 7 days.
    """
    stored = plans.find(approval.policy, approval.plan)
    if stored is None:
        raise PurgeRefused(Reason.PLAN_UNKNOWN, f'policy "{approval.policy}" has no stored plan {approval.plan}')
    found = read_run(approval.policy, stored.run, stored)
    if found.plan.sha256 != approval.plan:
        raise PurgeRefused(
            Reason.PLAN_CHANGED,
            f"{name_of(approval.policy, found.run)} was stored as {approval.plan} and is {found.plan.sha256} now",
        )
    check_age(found.plan, now)
    return found


def check_newest(plans: PlanStore, plan: Plan) -> None:
    """Compare with the newest plan that is stored under the policy's name, previews included.

    Raises:
        PurgeRefused: that one selects by other rules, or cannot be trusted.
    """
    policy = plan.policy.policy
    newest = next(plans.newest(policy, 1), None)
    if newest is None:
        raise PurgeRefused(Reason.PLAN_UNKNOWN, f'policy "{policy}" has no stored plan any more')
    try:
        head = read_head(newest.body)
        check_stored_when_made(head.made_at, newest.stored_at)
    except PlanRefused as fault:
        raise PurgeRefused(Reason.PLAN_CHANGED, f"{name_of(policy, newest.run)}: {fault}") from None
    if not plan.policy.selects_like(head.policy):
        raise PurgeRefused(
            Reason.PLAN_SUPERSEDED,
            f"{name_of(policy, newest.run)} is the policy's newest plan and selects by other rules than "
            f"{name_of(policy, str(plan.run))}; approve a plan with the rules that the policy should have now",
        )


def check_project(plan: Plan, view: TargetView) -> None:
    """Refuse a plan of another place: the target must be of the same project and at the same address as in the plan.

    The address of a plan of an earlier version is unknown; then only the project counts.

    Raises:
        PurgeRefused: another project or another address is behind the target's name now.
    """
    if view.project_id != plan.project_id:
        raise PurgeRefused(
            Reason.PLAN_MISPLACED,
            f'the plan is of project {plan.project_id}, target "{plan.policy.target}" is of {view.project_id} now',
        )
    if plan.endpoint not in (None, view.address):
        raise PurgeRefused(
            Reason.PLAN_MISPLACED,
            f'the plan is of backups at {plan.endpoint}, target "{plan.policy.target}" is at {view.address} now',
        )
