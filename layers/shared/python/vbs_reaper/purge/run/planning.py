"""The one plan of a run: the stored one where there is one, else a new one, stored before anything else happens."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from typing import Final

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.document import PlanRefused
from vbs_reaper.purge.document import read_head
from vbs_reaper.purge.document import read_plan
from vbs_reaper.purge.document import sha256_of
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan import is_sound
from vbs_reaper.purge.plan import plan as make_plan
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import PlanStore
from vbs_reaper.purge.ports import StoredDocument
from vbs_reaper.purge.run.event import Run
from vbs_reaper.purge.run.result import name_of
from vbs_reaper.purge.run.result import sentence_of
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import to_datetime
from vbs_reaper.purge.time.zone import to_micros
from vbs_reaper.purge.time.zone import to_text

PLAN_LIFE: Final = timedelta(days=7)
"""How long a plan may be sent, by approval or by a run that is repeated."""

STORED_WITHIN: Final = timedelta(minutes=30)
"""A plan is stored by the invocation that makes it, and Lambda ends that after 15 minutes."""
CLOCKS_APART: Final = timedelta(minutes=5)
"""So much earlier than the plan says may its store have received it: two clocks, and one shows whole seconds."""

LAST_PLANS: Final = 10
"""How many stored plans are looked at for one that chose alike: people look at other choices in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """A run's plan as it is stored, and the names it is stored under."""

    policy: str
    run: str
    plan: Plan


def read_run(policy: str, run: str, document: StoredDocument) -> PlannedRun:
    """Read a stored plan where it lies.

    Raises:
        PurgeRefused: it was changed since, or is a copy from elsewhere: nobody's plan.
    """
    try:
        plan = read_stored(document)
    except PlanRefused as fault:
        raise PurgeRefused(Reason.PLAN_CHANGED, f"{name_of(policy, run)}: {fault}") from None
    if (plan.policy.policy, plan.run) != (policy, run):
        raise PurgeRefused(
            Reason.PLAN_MISPLACED,
            f"{name_of(policy, run)} holds the plan {name_of(plan.policy.policy, str(plan.run))}, which belongs there",
        )
    if not is_sound(plan):
        raise PurgeRefused(
            Reason.PLAN_CHANGED,
            f"{name_of(policy, run)}: its groups, totals and guards are not those of its backups; find out who wrote "
            "it, then run the policy for another time",
        )
    return PlannedRun(policy=policy, run=run, plan=plan)


def read_stored(document: StoredDocument) -> Plan:
    """Read a stored plan and prove what can be proven of it.

    Raises:
        PlanRefused: it is not a plan, was changed, or was not stored when it was made.
    """
    plan = read_plan(document.body)
    check_stored_when_made(plan.made_at, document.stored_at)
    return plan


def check_stored_when_made(made_at: Micros, stored_at: datetime) -> None:
    """Compare when a plan says it was made with when its store received it.

    Whoever can write into the store can write any plan, but not choose this time.

    Raises:
        PlanRefused: they are too far apart for a plan that the purger stored.
    """
    late = stored_at - to_datetime(made_at)
    if not -CLOCKS_APART <= late <= STORED_WITHIN:
        raise PlanRefused(
            f"the plan says that it was made at {to_text(made_at)}, but it was stored at "
            f"{to_text(to_micros(stored_at))}; a plan is stored within 30 minutes, so find out who wrote this one, "
            "then run the policy for another time"
        )


def find_planned(plans: PlanStore, run: Run) -> PlannedRun | None:
    """The plan that an earlier invocation of this very run has stored.

    Raises:
        PurgeRefused: it cannot be trusted, or comes of another text of the policy.
    """
    document = plans.read(run.policy.policy, run.name)
    if document is None:
        return None
    found = read_run(run.policy.policy, run.name, document)
    if found.plan.policy != run.policy:
        raise PurgeRefused(
            Reason.PLAN_MISPLACED,
            f"{name_of(found.policy, found.run)} has a plan of another text of the policy; run it for another time",
        )
    return found


def plan_anew(
    plans: PlanStore, run: Run, inventory: Inventory, now: datetime, unreadable: Callable[[str, str], None]
) -> PlannedRun:
    """Decide and store. Where somebody else runs it too and was first, there is one plan: theirs.

    Raises:
        PurgeRefused: the inventory is no good, or the plan cannot be stored.
    """
    made = make_plan(run.policy, inventory, now, last=last_plan(plans, run.policy, now, unreadable), run=run.name)
    made = replace(made, sha256=sha256_of(made))
    if plans.store(run.policy.policy, run.name, made):
        return PlannedRun(policy=run.policy.policy, run=run.name, plan=made)
    first = find_planned(plans, run)
    if first is None:
        raise PurgeRefused(Reason.PLANS_UNUSABLE, f"{name_of(run.policy.policy, run.name)} is there and is not found")
    return first


def check_age(plan: Plan, now: datetime) -> None:
    """Let nobody send what was decided too long ago.

    Raises:
        PurgeRefused: it is older than 7 days.
    """
    age = now - to_datetime(plan.made_at)
    if age > PLAN_LIFE:
        raise PurgeRefused(
            Reason.PLAN_EXPIRED,
            f"the plan {plan.sha256} is of {to_datetime(plan.made_at):%Y-%m-%d}; 7 days are allowed",
        )


def check_guards(plan: Plan) -> None:
    """Hold the plan against its guards.

    Raises:
        PurgeRefused: says which and by how much, and the hash that an approval names.
    """
    if plan.exceeded:
        raise PurgeRefused(
            Reason.GUARD_EXCEEDED,
            f"{sentence_of(plan)}; to send it all the same, approve the plan {plan.sha256}",
        )


def last_plan(
    plans: PlanStore, policy: PurgePolicy, now: datetime, unreadable: Callable[[str, str], None]
) -> Plan | None:
    """The newest plan that chose alike. Where none of the newest few did, the newest: it tells what is new."""
    try:
        for document in plans.newest(policy.policy, LAST_PLANS):
            head = read_head(document.body)
            check_stored_when_made(head.made_at, document.stored_at)
            if policy.selects_like(head.policy) and head.made_at <= to_micros(now):
                return read_stored(document)
        # Read anew, and not kept until here: two plans may not fit into the memory beside the list.
        return next(map(read_stored, plans.newest(policy.policy, LAST_PLANS)), None)
    except PlanRefused as fault:
        # Nobody knows what stood in that one. Every grace begins anew: the safe side.
        unreadable(policy.policy, str(fault))
        return None
