"""Checks that a policy's newest plan does not keep more than what is about to be carried out.

That is a stored plan, when it is approved or its run is repeated, or a run that is late or has just listed the
backups. None of them must undo a change of the policy.
"""

from contextlib import suppress
from datetime import datetime

from msgspec import UNSET

from vbs_reaper.errors import InvalidPlan, PlanUnreadable, RunRefused
from vbs_reaper.purge.calendar.duration import Duration, read_duration
from vbs_reaper.purge.calendar.zone import Micros, load_zone, to_micros
from vbs_reaper.purge.event import Run
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import read_header_pieces
from vbs_reaper.purge.plan_json import PlanHeader
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import PlanStore, StoredDocument
from vbs_reaper.purge.rules.guards import ONLY_COPIES, allowed_only_copies
from vbs_reaper.purge.run_result import name_of
from vbs_reaper.purge.stored_time import CLOCKS_APART, check_storage_time
from vbs_reaper.reasons import Reason


def check_newest(plans: PlanStore, plan: Plan, *, with_grace: bool, is_approved: bool = True) -> None:
    """Check that the newest stored plan of the policy, which may be a preview, selects by the same rules as this plan.

    The guards that keep backups must be the same too, and so must the grace, unless it is shorter now or the approval
    includes the backups in grace. Unless a person has approved the plan, the guards that refuse a run must not be
    stricter now.

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
    if not change and not is_approved:
        change = _stricter_guard(plan.policy, header.policy)
    if change:
        raise RunRefused(
            Reason.PLAN_SUPERSEDED,
            f"{name_of(policy, newest.run)} is the policy's newest plan and {change} than "
            f"{name_of(policy, str(plan.run))}; approve a plan with the rules that the policy should have now",
        )


def check_not_outdated(plans: PlanStore, run: Run) -> None:
    """Check that the rules of the policy were not changed after the time of a run.

    An event may be delivered again after days, with the rules of its time, and a list of backups takes minutes. The
    rules were changed if the newest plan of the policy's other runs was made after that time and has other rules or
    stricter guards, as in `check_newest`. A plan that cannot be trusted does not count.

    Raises:
        RunRefused: the rules were changed.
    """
    if run.policy.mode != "purge" or run.started_at is None:
        return
    started_at = to_micros(run.started_at)
    found = _newest_of_others(plans, run.policy.policy, run.name, run.started_at)
    if found is None:
        return
    newest, header = found
    if header.made_at <= started_at:
        return
    change = _change(run.policy, header.policy, started_at, with_grace=False)
    change = change or _stricter_guard(run.policy, header.policy)
    if change:
        raise RunRefused(
            Reason.PLAN_SUPERSEDED,
            f"{name_of(run.policy.policy, newest)} was made after the time of the run {run.name} and {change} than "
            "its policy; start a run with the rules that the policy should have now",
        )


def _newest_of_others(plans: PlanStore, policy: str, run: str, after: datetime) -> tuple[str, PlanHeader] | None:
    """Return the newest plan of the policy's other runs that can be read and trusted, and its run.

    Only plans that may have been made after this time are opened. Return None if there is none.
    """
    for document in plans.newest(policy):
        if document.stored_at + CLOCKS_APART <= after:  # so this plan and all further ones were made before
            break
        if document.run != run:
            with suppress(InvalidPlan, PlanUnreadable):
                return document.run, _read_header(document)
    return None


def _read_header(document: StoredDocument) -> PlanHeader:
    header = read_header_pieces(document.pieces())
    check_storage_time(header.made_at, document.stored_at)
    return header


def _change(approved: PurgePolicy, newest: PurgePolicy, made_at: Micros, *, with_grace: bool) -> str:
    """Return what the newest plan does differently and a plan that was made then would undo; empty if nothing."""
    if not approved.selects_like(newest):
        return "selects by other rules"
    if approved.guards.min_kept_per_group != newest.guards.min_kept_per_group:
        return "has another min_kept_per_group"
    if approved.guards.max_newest_age != newest.guards.max_newest_age:
        return "has another max_newest_age"
    return "has a longer grace" if not with_grace and _due_at(newest, made_at) > _due_at(approved, made_at) else ""


def _stricter_guard(run: PurgePolicy, newest: PurgePolicy) -> str:
    """Return which guard of the newest plan would refuse more runs; empty if none."""
    if newest.guards.max_deletions < run.guards.max_deletions:
        return "has a lower max_deletions"
    if newest.guards.max_fraction < run.guards.max_fraction:
        return "has a lower max_fraction"
    if allowed_only_copies(newest.guards) < allowed_only_copies(run.guards):
        return f"has a lower {ONLY_COPIES}"
    return ""


def _due_at(policy: PurgePolicy, selected_at: Micros) -> Micros:
    """Return when the grace of the policy ends for a backup that is selected since then."""
    grace = Duration() if policy.grace is UNSET else read_duration(policy.grace)
    return load_zone(policy.timezone).ahead(selected_at, grace)
