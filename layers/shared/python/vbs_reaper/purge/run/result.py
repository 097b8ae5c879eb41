"""How a run of a purge went, as the event the bus hears and as the function's answer. One run and outcome, one id."""

from enum import StrEnum
from typing import Final
from uuid import UUID
from uuid import uuid5

import msgspec
from msgspec import UNSET
from msgspec import UnsetType

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.account import Totals
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.time.zone import to_text
from vbs_reaper.purge.verdict.guards import GuardReading

_SENTENCES: Final[dict[str, str]] = {reason.value: reason.sentence for reason in Reason}
_NAMESPACE: Final = UUID("0d3b2c55-6d0a-5b52-8d7e-0a4c7e2f9b18")


class PurgeOutcome(StrEnum):
    """How a run went, as it is counted and published."""

    PLANNED = "planned"
    COMPLETED = "completed"
    REFUSED = "refused"
    ALREADY_SENT = "already_sent"


PURGE_DETAIL_TYPES: Final = {
    PurgeOutcome.PLANNED: "VBS Purge Planned",
    PurgeOutcome.COMPLETED: "VBS Purge Completed",
    PurgeOutcome.REFUSED: "VBS Purge Refused",
}
"""The outcomes that the bus hears, and what it calls them."""


class LeftOutBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup of an approved plan that was not requested, and the reason's code."""

    id: str
    reason: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """What an approved plan lets go and a plan of the moment of sending does not; `backups` are the first hundred."""

    count: int
    reasons: dict[str, int]
    backups: tuple[LeftOutBackup, ...]

    @property
    def sentence(self) -> str:
        """How many and why, for people."""
        by_count = sorted(self.reasons.items(), key=lambda each: (-each[1], each[0]))
        why = ", ".join(f"{count:,} {code} ({_SENTENCES[code].rstrip('.')})" for code, count in by_count)
        return f"{self.count:,} of the plan were left out: {why}."


class PurgeResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The `detail` of a purge's event. `plan` is the sha256 to approve it by; so many deletions were `requested`.

    `left_out` is there if an approval did not request everything that its plan lets go.
    """

    id: str
    outcome: PurgeOutcome
    reason: str
    message: str
    action: str
    policy: str
    run: str
    target: str | UnsetType = UNSET
    plan: str | UnsetType = UNSET
    document: str | UnsetType = UNSET
    picture: str | UnsetType = UNSET
    totals: Totals | UnsetType = UNSET
    guards: tuple[GuardReading, ...] | UnsetType = UNSET
    with_grace: bool | UnsetType = UNSET
    requested: int | UnsetType = UNSET
    left_out: LeftOut | UnsetType = UNSET


def planned(plan: Plan, run: str) -> PurgeResult:
    """A run has its plan."""
    exceeded = " A purge would be refused: " + sentence_of(plan) + "." if plan.exceeded else ""
    return _of_plan(
        plan,
        run,
        PurgeOutcome.PLANNED,
        Reason.PLANNED,
        f"{plan.totals.due:,} of {plan.totals.backups:,} backups are due, {plan.totals.due_gib:,.0f} GiB.{exceeded}",
    )


def completed(
    plan: Plan, run: str, requested: int, *, with_grace: bool, left_out: LeftOut | None = None
) -> PurgeResult:
    """Everything that had to be sent is in the queue."""
    told = f"{requested:,} deletions were requested{', grace cut short' if with_grace else ''}."
    result = _of_plan(
        plan,
        run,
        PurgeOutcome.COMPLETED,
        Reason.ALL_REQUESTED,
        told if left_out is None else f"{told} {left_out.sentence}",
        with_grace=with_grace,
    )
    if left_out is not None and not requested:
        # The same approval may send something later: that is another end.
        result = msgspec.structs.replace(result, id=str(uuid5(_NAMESPACE, f"{result.id}/nothing")))
    return msgspec.structs.replace(result, requested=requested, left_out=UNSET if left_out is None else left_out)


def already_sent(plan: Plan, run: str, *, with_grace: bool) -> PurgeResult:
    """The plan was sent before: nothing is sent."""
    message = f"The deletions of {name_of(plan.policy.policy, run)} were requested before; nothing was sent again."
    return _of_plan(plan, run, PurgeOutcome.ALREADY_SENT, Reason.ALREADY_REQUESTED, message, with_grace=with_grace)


def refused(refusal: PurgeRefused, policy: str, run: str, plan: Plan | None = None) -> PurgeResult:
    """Nothing was sent; the message is one sentence."""
    if plan is not None:
        return _of_plan(plan, run, PurgeOutcome.REFUSED, refusal.reason, str(refusal))
    return PurgeResult(
        id=_id(policy, run, PurgeOutcome.REFUSED),
        outcome=PurgeOutcome.REFUSED,
        reason=refusal.reason.value,
        message=str(refusal),
        action=refusal.reason.action,
        policy=policy,
        run=run,
    )


def as_found(result: PurgeResult, plan: Plan) -> PurgeResult:
    """The same for a person who looks at a run that has its plan from an earlier invocation."""
    message = f"Planned at {to_text(plan.made_at)}, nothing was listed now: {result.message}"
    return msgspec.structs.replace(result, message=message)


def name_of(policy: str, run: str) -> str:
    """A plan's name, as its delete requests carry it."""
    return f"{policy}/{run}"


def key_of(policy: str, run: str, ending: str) -> str:
    """The key of what is stored of a run (DESIGN section 4)."""
    return f"plans/{policy}/{run}.{ending}"


def sentence_of(plan: Plan) -> str:
    """Which guards refuse the plan, and by how much."""
    return "; ".join(guard.sentence for guard in plan.exceeded)


def _of_plan(
    plan: Plan,
    run: str,
    outcome: PurgeOutcome,
    reason: Reason,
    message: str,
    *,
    with_grace: bool | UnsetType = UNSET,
) -> PurgeResult:
    policy = plan.policy.policy
    return PurgeResult(
        id=_id(policy, run, outcome, with_grace=with_grace),
        outcome=outcome,
        reason=reason.value,
        message=message,
        action=reason.action,
        policy=policy,
        run=run,
        target=plan.policy.target,
        plan=plan.sha256 or UNSET,
        document=key_of(policy, run, "json"),
        picture=key_of(policy, run, "html"),
        totals=plan.totals,
        guards=tuple(plan.guards),
        with_grace=with_grace,
    )


def _id(policy: str, run: str, outcome: PurgeOutcome, *, with_grace: bool | UnsetType = UNSET) -> str:
    """Name the one outcome of a run (UUIDv5, RFC 9562): a consumer can drop repeats."""
    return str(uuid5(_NAMESPACE, f"{policy}/{run}/{outcome.value}{'/grace' if with_grace is True else ''}"))
