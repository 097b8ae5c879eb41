"""Finds a plan that a person approves by its sha256, and checks that it may still be carried out.

The plan must be unchanged, stored under its own policy and run, at most 7 days old, and for the project that the target
has now. The policy's newest plan must not keep more: an approval must not undo a change of the policy.
"""

from datetime import datetime

from msgspec import UNSET

from vbs_reaper.errors import InvalidPlan, RunRefused
from vbs_reaper.purge.calendar.duration import Duration, read_duration
from vbs_reaper.purge.calendar.zone import Micros, load_zone, to_micros
from vbs_reaper.purge.event import Approval, Run
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import read_header_pieces
from vbs_reaper.purge.plan_json import PlanHeader
from vbs_reaper.purge.planning import PlannedRun, check_age, read_run
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import PlanStore, StoredDocument
from vbs_reaper.purge.run_result import name_of
from vbs_reaper.purge.stored_time import check_storage_time
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


def check_newest(plans: PlanStore, plan: Plan, *, with_grace: bool) -> None:
    """Check that the newest stored plan of the policy, which may be a preview, selects by the same rules as this plan.

    The guards that keep backups must be the same too, and so must the grace, unless it is shorter now or the approval
    includes the backups in grace.

    Raises:
        RunRefused: the newest plan selects by other rules, or cannot be trusted.
    """
    policy = plan.policy.policy
    newest = next(plans.newest(policy), None)
    if newest is None:
        raise RunRefused(Reason.PLAN_UNKNOWN, f'policy "{policy}" no longer has a stored plan')
    if newest.run == plan.run:  # it was read a moment ago
        return
    try:
        header = _read_header(newest)
    except InvalidPlan as fault:
        raise RunRefused(Reason.PLAN_CHANGED, f"{name_of(policy, newest.run)}: {fault}") from None
    change = _change(plan.policy, header.policy, plan.made_at, with_grace=with_grace)
    if change:
        raise RunRefused(
            Reason.PLAN_SUPERSEDED,
            f"{name_of(policy, newest.run)} is the policy's newest plan and {change} than "
            f"{name_of(policy, str(plan.run))}; approve a plan with the rules that the policy should have now",
        )


def check_not_outdated(plans: PlanStore, run: Run) -> None:
    """Check that a run without a plan is not late and by former rules: an event may be delivered again after days.

    The rules are former ones if the policy's newest plan is younger than the time of the run and has other rules, as in
    `check_newest`. A newest plan that cannot be trusted says nothing.

    Raises:
        RunRefused: the rules of the policy were changed after the time of the run.
    """
    name = run.policy.policy
    newest = next(plans.newest(name), None)
    if newest is None or run.started_at is None or run.policy.mode != "purge":
        return
    try:
        header = _read_header(newest)
    except InvalidPlan:
        return
    started_at = to_micros(run.started_at)
    change = _change(run.policy, header.policy, started_at, with_grace=False)
    if header.made_at > started_at and change:
        raise RunRefused(
            Reason.PLAN_SUPERSEDED,
            f"{name_of(name, newest.run)} is the policy's newest plan, was made after the time of the run "
            f"{run.name} and {change} than its policy; start a run with the rules that the policy should have now",
        )


def _read_header(document: StoredDocument) -> PlanHeader:
    header = read_header_pieces(document.pieces())
    check_storage_time(header.made_at, document.stored_at)
    return header


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


def _change(approved: PurgePolicy, newest: PurgePolicy, made_at: Micros, *, with_grace: bool) -> str:
    """Return what the newest plan does differently and a plan that was made then would undo; empty if nothing."""
    if not approved.selects_like(newest):
        return "selects by other rules"
    if approved.guards.min_kept_per_group != newest.guards.min_kept_per_group:
        return "has another min_kept_per_group"
    if approved.guards.max_newest_age != newest.guards.max_newest_age:
        return "has another max_newest_age"
    return "has a longer grace" if not with_grace and _due_at(newest, made_at) > _due_at(approved, made_at) else ""


def _due_at(policy: PurgePolicy, selected_at: Micros) -> Micros:
    """Return when the grace of the policy ends for a backup that is selected since then."""
    grace = Duration() if policy.grace is UNSET else read_duration(policy.grace)
    return load_zone(policy.timezone).ahead(selected_at, grace)
