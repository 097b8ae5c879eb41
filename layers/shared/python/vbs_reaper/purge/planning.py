"""Finds or makes the one plan of a run. A new plan is stored before anything else happens with it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from vbs_reaper.errors import InvalidPlan, PlanUnreadable, RunRefused
from vbs_reaper.purge.calendar.zone import load_zone, to_datetime, to_micros
from vbs_reaper.purge.comparable_plan import find_comparable
from vbs_reaper.purge.event import Run
from vbs_reaper.purge.grace_proof import restart_unproven_graces
from vbs_reaper.purge.last_plan import LastPlan, by_id, forget_decisions, note_decisions
from vbs_reaper.purge.listing import ListedRows
from vbs_reaper.purge.other_policies import warn_of_other_policies
from vbs_reaper.purge.plan import Plan, is_consistent, plan_rows
from vbs_reaper.purge.plan_file import read_plan_pieces, read_rows
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import PlanStore, StoredDocument
from vbs_reaper.purge.rules.grace import oldest_that_counts
from vbs_reaper.purge.run_result import describe_exceeded_guards, name_of
from vbs_reaper.purge.stored_time import check_storage_time
from vbs_reaper.reasons import Reason

PLAN_LIFE: Final = timedelta(days=7)
"""Maximum age of a plan when its deletions are requested, by an approval or by a repeated run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A stored plan, and the policy and run under which it is stored.

    `stored_at` is when the plan store received it; None if this invocation has made and stored it.
    """

    policy: str
    run: str
    plan: Plan
    stored_at: datetime | None

    def without_backups(self) -> "PlannedRun":
        """Return the same without the plan's backups, which may not fit into memory together with a fresh plan."""
        return replace(self, plan=replace(self.plan, backups=()))


def read_run(policy: str, run: str, document: StoredDocument) -> PlannedRun:
    """Read the plan that is stored under a policy and run.

    Raises:
        RunRefused: the plan was changed after it was stored, was copied from another run or policy, or contradicts
            itself.
    """
    try:
        plan = read_stored_plan(document)
    except InvalidPlan as fault:
        raise RunRefused(Reason.PLAN_CHANGED, f"{name_of(policy, run)}: {fault}") from None
    if (plan.policy.policy, plan.run) != (policy, run):
        raise RunRefused(
            Reason.PLAN_MISPLACED,
            f"the document stored as {name_of(policy, run)} is the plan {name_of(plan.policy.policy, str(plan.run))}",
        )
    if not is_consistent(plan):
        raise RunRefused(
            Reason.PLAN_CHANGED,
            f"{name_of(policy, run)}: its groups, totals and guards do not match its backups; find out who wrote it, "
            "then run the policy with another scheduled_time",
        )
    return PlannedRun(policy=policy, run=run, plan=plan, stored_at=document.stored_at)


def read_stored_plan(document: StoredDocument) -> Plan:
    """Read a stored plan, and check its hash and when it was stored.

    Raises:
        InvalidPlan: the document is not a plan, was changed, or was not stored when the plan was made.
    """
    plan = read_plan_pieces(document.pieces())
    check_storage_time(plan.made_at, document.stored_at)
    return plan


def find_stored_plan(plans: PlanStore, run: Run) -> PlannedRun | None:
    """Return the plan that an earlier invocation of this run has stored; None if there is none.

    Raises:
        RunRefused: the stored plan cannot be trusted, or was made with a different version of the policy.
    """
    document = plans.read(run.policy.policy, run.name)
    if document is None:
        return None
    stored = read_run(run.policy.policy, run.name, document)
    if stored.plan.policy != run.policy:
        raise RunRefused(
            Reason.PLAN_MISPLACED,
            f"{name_of(stored.policy, stored.run)} already has a plan, made with a different version of the policy; "
            "run the policy with another scheduled_time",
        )
    return stored


def make_and_store_plan(  # noqa: PLR0913  # each is a separate value
    plans: PlanStore,
    run: Run,
    listed: ListedRows,
    now: datetime,
    on_unreadable: Callable[[str, str], None],
    *,
    warnings: Iterable[str] = (),
) -> PlannedRun:
    """Make the plan of a run and store it. If a concurrent invocation has stored a plan first, return that plan.

    `on_unreadable` is called with the policy's name and the fault if the last plan cannot be read. `warnings` are added
    to those of the plan.

    Raises:
        RunRefused: the inventory contradicts itself, or the plan cannot be stored.
    """
    made = make_plan(plans, run.policy, listed, now, on_unreadable, run.name)
    made = replace(made, warnings=(*made.warnings, *warnings, *warn_of_other_policies(plans, made, now)))
    sha256 = plans.store(run.policy.policy, run.name, made)
    if sha256 is not None:
        return PlannedRun(policy=run.policy.policy, run=run.name, plan=replace(made, sha256=sha256), stored_at=None)
    first = find_stored_plan(plans, run)
    if first is None:
        raise RunRefused(
            Reason.PLANS_UNUSABLE,
            f"{name_of(run.policy.policy, run.name)} already exists in the plan store, but was not found there",
        )
    return first


def make_plan(  # noqa: PLR0913  # each is a separate value
    plans: PlanStore,
    policy: PurgePolicy,
    listed: ListedRows,
    now: datetime,
    on_unreadable: Callable[[str, str], None],
    run: str | None = None,
) -> Plan:
    """Make a plan that continues from the last stored plan, but do not store it.

    `on_unreadable` is called with the policy's name and the fault if the last plan cannot be read.

    Raises:
        RunRefused: the inventory contradicts itself.
    """
    last = _note_last_plan(plans, policy, listed.rows, now, on_unreadable)
    if last is None:
        return plan_rows(policy, listed.inventory, listed.rows, now, last=None, run=run)
    unproven = restart_unproven_graces(plans, policy, listed.rows, last, now, on_unreadable)
    made = plan_rows(policy, listed.inventory, listed.rows, now, last=last, run=run)
    return replace(made, warnings=(*made.warnings, *unproven.warnings))


def check_age(plan: Plan, now: datetime) -> None:
    """Check that the plan is not too old for its deletions to be requested.

    Raises:
        RunRefused: the plan is older than 7 days.
    """
    age = now - to_datetime(plan.made_at)
    if age > PLAN_LIFE:
        raise RunRefused(
            Reason.PLAN_EXPIRED,
            f"the plan {plan.sha256} was made on {to_datetime(plan.made_at):%Y-%m-%d}; a plan expires after 7 days",
        )


def check_guards(plan: Plan) -> None:
    """Check that the plan does not exceed a guard.

    Raises:
        RunRefused: the message names the exceeded guards, by how much, and the sha256 to approve.
    """
    if plan.exceeded:
        raise RunRefused(
            Reason.GUARD_EXCEEDED,
            f"{describe_exceeded_guards(plan)}; to delete the backups nevertheless, approve the plan {plan.sha256}",
        )


def _note_last_plan(
    plans: PlanStore,
    policy: PurgePolicy,
    rows: Sequence[PlannedBackup],
    now: datetime,
    on_unreadable: Callable[[str, str], None],
) -> LastPlan | None:
    """Note in the rows what the last plan decided: the newest that selects by the same rules, for every grace.

    If none was found, that is the newest plan: it still shows which backups are new. Return None
    if there is no plan. Return None too if one of the plans cannot be read: what it selected is unknown, so every grace
    must start again.
    """
    try:
        document = _find_last_plan(plans, policy, now)
        if document is None:
            return None
        listed, gone = by_id(rows), 0

        def note(last_rows: Iterable[PlannedBackup]) -> None:
            nonlocal gone
            gone += note_decisions(listed, last_rows)

        last = read_rows(document.pieces(), note)
        return LastPlan(policy=last.policy, made_at=last.made_at, sha256=last.sha256, gone=gone)
    except (InvalidPlan, PlanUnreadable) as fault:
        forget_decisions(rows)
        on_unreadable(policy.policy, str(fault))
        return None


def _find_last_plan(plans: PlanStore, policy: PurgePolicy, now: datetime) -> StoredDocument | None:
    moment, zone = to_micros(now), load_zone(policy.timezone)
    oldest, _ = oldest_that_counts(policy, zone, moment)
    stored = list(plans.newest(policy.policy))
    found = find_comparable(stored, policy, to_datetime(oldest), lambda made_at: made_at <= moment)
    return found or next(iter(stored), None)
