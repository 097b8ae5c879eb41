"""The result of a purge run: the detail of the published event, and the return value of the function."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.calendar.zone import to_text
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_summary import Totals
from vbs_reaper.purge.rules.guards import GuardReading
from vbs_reaper.reasons import Reason
from vbs_reaper.text import count, were

WARNINGS_LIMIT: Final = 30
"""Maximum number of warnings in an event."""

_SENTENCES: Final[dict[str, str]] = {reason.value: reason.sentence for reason in Reason}
MARKS_NAMED: Final = 3
"""How many ignored marks a message names."""
_NAMESPACE: Final = UUID("0d3b2c55-6d0a-5b52-8d7e-0a4c7e2f9b18")


class PurgeOutcome(StrEnum):
    """How a run ended, as metrics and events show it."""

    PLANNED = "planned"
    COMPLETED = "completed"
    REFUSED = "refused"
    ALREADY_SENT = "already_sent"


PURGE_DETAIL_TYPES: Final = {
    PurgeOutcome.PLANNED: "VBS Purge Planned",
    PurgeOutcome.COMPLETED: "VBS Purge Completed",
    PurgeOutcome.REFUSED: "VBS Purge Refused",
}
"""The outcomes that are published, and their detail-types. `ALREADY_SENT` is not published."""


class LeftOutBackup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup of an approved plan that is not deleted, and the reason code."""

    id: str
    reason: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """The approved backups that are not deleted, according to a fresh plan made at the time of the approval.

    `reasons` counts them by reason code. `backups` names the first 100.
    """

    count: int
    reasons: dict[str, int]
    backups: tuple[LeftOutBackup, ...]

    @property
    def sentence(self) -> str:
        """How many were left out and why, as a sentence."""
        by_count = sorted(self.reasons.items(), key=lambda each: (-each[1], each[0]))
        why = ", ".join(f"{number:,} {code} ({_SENTENCES[code].rstrip('.')})" for code, number in by_count)
        return f"{count(self.count, 'backup')} of the plan {were(self.count)} left out: {why}."


class PurgeResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The `detail` of a purge event.

    `plan` is the sha256 by which the plan is approved. `document` and `picture` are the S3 keys of the plan and of its
    HTML page. `requested` is the number of requested deletions. `left_out` is present if an approval, or a run that was
    repeated, did not request all deletions of its plan. `warnings` are those of the plan, such as holds that end soon.
    `id` is the same if the event is repeated, so consumers can drop duplicates.
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
    warnings: tuple[str, ...] | UnsetType = UNSET


def planned(plan: Plan, run: str) -> PurgeResult:
    """Return the result of a run that has stored its plan."""
    exceeded = " A purge would be refused: " + describe_exceeded_guards(plan) + "." if plan.exceeded else ""
    result = _result_of_plan(
        plan,
        run,
        PurgeOutcome.PLANNED,
        Reason.PLANNED,
        f"{plan.totals.due:,} of {plan.totals.backups:,} backups are due, {plan.totals.due_gib:,.0f} GiB.{exceeded}",
    )
    return msgspec.structs.replace(result, warnings=tuple(plan.warnings[:WARNINGS_LIMIT]) or UNSET)


def completed(
    plan: Plan,
    run: str,
    requested: int,
    *,
    with_grace: bool,
    left_out: LeftOut | UnsetType = UNSET,
    before: int = 0,
) -> PurgeResult:
    """Return the result of a run or approval that has requested all its deletions, or left them out.

    `requested` is the number of this invocation; earlier ones had requested `before` deletions. `left_out` is what all
    invocations have left out.
    """
    grace = ", including those in grace" if with_grace else ""
    after = f", after {before:,} by earlier attempts" if before else ""
    message = f"{count(requested, 'deletion')} {were(requested)} requested{grace}{after}."
    result = _result_of_plan(
        plan,
        run,
        PurgeOutcome.COMPLETED,
        Reason.ALL_REQUESTED,
        message if left_out is UNSET else f"{message} {left_out.sentence}",
        with_grace=with_grace,
    )
    if left_out is not UNSET and not requested + before:
        # The same approval may request deletions later. That is another result, which needs another ID.
        result = msgspec.structs.replace(result, id=str(uuid5(_NAMESPACE, f"{result.id}/nothing")))
    return msgspec.structs.replace(result, requested=requested, left_out=left_out)


def already_sent(plan: Plan, run: str, *, with_grace: bool) -> PurgeResult:
    """Return the result of a run or approval for which all deletions were requested before."""
    message = f"The deletions of {name_of(plan.policy.policy, run)} were requested before; nothing was sent again."
    return _result_of_plan(
        plan, run, PurgeOutcome.ALREADY_SENT, Reason.ALREADY_REQUESTED, message, with_grace=with_grace
    )


def refused(refusal: RunRefused, policy: str, run: str, plan: Plan | None = None) -> PurgeResult:
    """Return the result of a run or approval that is refused. Its message is the one of the exception."""
    if plan is not None:
        return _result_of_plan(plan, run, PurgeOutcome.REFUSED, refusal.reason, str(refusal))
    return PurgeResult(
        id=_event_id(policy, run, PurgeOutcome.REFUSED, refusal.reason),
        outcome=PurgeOutcome.REFUSED,
        reason=refusal.reason.value,
        message=str(refusal),
        action=refusal.reason.action,
        policy=policy,
        run=run,
    )


def with_plan_time(result: PurgeResult, plan: Plan) -> PurgeResult:
    """Return the result with a message that states when an earlier invocation of the run made the plan."""
    is_fresh = result.outcome == PurgeOutcome.COMPLETED
    how = "only what a fresh plan selects too was requested" if is_fresh else "the backups were not listed again"
    message = f"Planned at {to_text(plan.made_at)}; {how}. {result.message}"
    return msgspec.structs.replace(result, message=message)


def with_ignored_marks(result: PurgeResult, names: Sequence[str]) -> PurgeResult:
    """Return the result with a message that names marks which were found but do not belong to the plan."""
    if not names:
        return result
    found = ", ".join(names[:MARKS_NAMED])
    message = f"{result.message} Marks that do not belong to this plan were ignored; find out who wrote them: {found}."
    return msgspec.structs.replace(result, message=message)


def name_of(policy: str, run: str) -> str:
    """Return the name of a plan, which is `requested_by` in its delete requests."""
    return f"{policy}/{run}"


def key_of(policy: str, run: str, ending: str) -> str:
    """Return the S3 key of an object that is stored for a run, such as its plan (`json`) or its page (`html`)."""
    return f"plans/{policy}/{run}.{ending}"


def describe_exceeded_guards(plan: Plan) -> str:
    """Return which guards the plan exceeds, and by how much. The text has no final period."""
    return "; ".join(guard.sentence for guard in plan.exceeded)


def _result_of_plan(
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
        id=_event_id(policy, run, outcome, reason, with_grace=with_grace),
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


def _event_id(
    policy: str, run: str, outcome: PurgeOutcome, reason: Reason, *, with_grace: bool | UnsetType = UNSET
) -> str:
    """Return an ID (UUIDv5, RFC 9562) that is the same for every repetition of a run with the same outcome.

    A run that is refused for another reason has another result, which needs another ID.
    """
    parts = [policy, run, outcome.value]
    if outcome is PurgeOutcome.REFUSED:
        parts.append(reason.value)
    if with_grace is True:
        parts.append("grace")
    return str(uuid5(_NAMESPACE, "/".join(parts)))
