"""Every public message: its schema file, its model, and its row in the table of events.

To add an event, add an `EventMessage` to `EVENTS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.infrastructure.schemas.model_schema import Schema, model_schema, narrowed
from vbs_reaper.checking.target_check import TARGET_UNHEALTHY, TargetUnhealthy
from vbs_reaper.deletion.decision import SUPERSEDED_REASONS
from vbs_reaper.deletion.request_json import BackupIdText, BulkDeleteRequestJson, DeleteRequestJson, TargetText
from vbs_reaper.deletion.result import DETAIL_TYPES, REQUESTED, SOURCE, Outcome, Result
from vbs_reaper.purge.run_result import PURGE_DETAIL_TYPES, PurgeOutcome, PurgeResult
from vbs_reaper.reasons import Reason

REQUEST: Final = model_schema(DeleteRequestJson, BulkDeleteRequestJson)
REFUSALS: Final = (
    Reason.MALFORMED,
    Reason.WRONG_PROJECT,
    Reason.HELD,
    Reason.STOPPED,
    Reason.MINIMUM_AGE,
    Reason.EXPIRED,
    Reason.EXPECTATION_FAILED,
    Reason.NOT_OWNED,
    Reason.USED_BY_IMAGE,
    Reason.NOT_A_VOLUME_BACKUP,
    Reason.LOCKED,
    Reason.DELETION_FAILED,
    Reason.ASKED_ELSEWHERE,
)
"""The reasons of refusals. A parked request can have any reason."""
PURGE_REFUSALS: Final = (
    Reason.GUARD_EXCEEDED,
    Reason.STOPPED,
    Reason.MEMORY_TOO_SMALL,
    Reason.LISTING_INCOMPLETE,
    Reason.CLOCK_DOUBT,
    Reason.INVENTORY_DOUBTFUL,
    Reason.POLICY_REFUSED,
    Reason.PLANS_UNUSABLE,
    Reason.PLAN_UNKNOWN,
    Reason.PLAN_CHANGED,
    Reason.PLAN_EXPIRED,
    Reason.PLAN_MISPLACED,
    Reason.PLAN_SUPERSEDED,
)
"""The reasons for which a purge run can be refused."""
ABOUT_A_BACKUP: Final = ("target", "backup_id", "request")
"""Fields that only a message without a readable request lacks."""
OF_A_PLAN: Final = ("target", "plan", "document", "picture", "totals", "guards")
"""Fields of every end of a run with a stored plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMessage:
    """One detail-type of the bus."""

    detail_type: str
    when: str
    detail: Schema
    source: str | None = SOURCE
    """The source; None: any."""

    @property
    def file_name(self) -> str:
        """The name of its file in `events/schemas/`."""
        return f"{self.detail_type.lower().replace(' ', '_')}.json"


def result_detail(outcome: Outcome, reasons: Sequence[Reason] | None = None, required: Sequence[str] = ()) -> Schema:
    """Return the schema of the detail for one outcome; `reasons` None: any."""
    return narrowed(
        model_schema(Result),
        {
            "id": {"type": "string", "format": "uuid", "description": "the same for every repeat of this end"},
            "outcome": {"const": outcome.value},
            "reason": {"enum": sorted(reason.value for reason in reasons or Reason)},
            "target": model_schema(TargetText),
            "backup_id": model_schema(BackupIdText),
            "request": model_schema(DeleteRequestJson),
        },
        required,
    )


def purge_detail(outcome: PurgeOutcome, reasons: Sequence[Reason], required: Sequence[str] = ()) -> Schema:
    """Return the schema of the detail for one outcome of a purge run."""
    return narrowed(
        model_schema(PurgeResult),
        {
            "id": {"type": "string", "format": "uuid", "description": "the same for every repeat of this outcome"},
            "outcome": {"const": outcome.value},
            "reason": {"enum": sorted(reason.value for reason in reasons)},
            "target": model_schema(TargetText),
        },
        required,
    )


EVENTS: Final = (
    EventMessage(
        detail_type=REQUESTED,
        when="a producer requests a deletion: the detail is a delete request, single or bulk",
        detail=REQUEST,
        source=None,
    ),
    EventMessage(
        detail_type=DETAIL_TYPES[Outcome.DELETED],
        when="the backup is proven gone, and this request asked for the deletion or has just seen the backup",
        detail=result_detail(Outcome.DELETED, [Reason.DELETED], [*ABOUT_A_BACKUP, "proof"]),
    ),
    EventMessage(
        detail_type=DETAIL_TYPES[Outcome.ALREADY_GONE],
        when="it is proven that the project has no such backup",
        detail=result_detail(Outcome.ALREADY_GONE, [Reason.ALREADY_GONE], [*ABOUT_A_BACKUP, "proof"]),
    ),
    EventMessage(
        detail_type=DETAIL_TYPES[Outcome.REFUSED],
        when="the request can never succeed, or must not; it is in the dead-letter queue",
        detail=result_detail(Outcome.REFUSED, REFUSALS),
    ),
    EventMessage(
        detail_type=DETAIL_TYPES[Outcome.PARKED],
        when="the request has waited for 12 days; it is in the dead-letter queue",
        detail=result_detail(Outcome.PARKED),
    ),
    EventMessage(
        detail_type=DETAIL_TYPES[Outcome.SUPERSEDED],
        when="the request of a purge has expired, its backup is on hold or is not as the plan saw it; the next plan "
        "decides, and nothing is in the dead-letter queue",
        detail=result_detail(Outcome.SUPERSEDED, sorted(SUPERSEDED_REASONS), [*ABOUT_A_BACKUP]),
    ),
    EventMessage(
        detail_type=PURGE_DETAIL_TYPES[PurgeOutcome.PLANNED],
        when="a run of a purge policy has stored its plan",
        detail=purge_detail(PurgeOutcome.PLANNED, [Reason.PLANNED], OF_A_PLAN),
    ),
    EventMessage(
        detail_type=PURGE_DETAIL_TYPES[PurgeOutcome.COMPLETED],
        when="every deletion that a run or an approval had to request is in the queue",
        detail=purge_detail(PurgeOutcome.COMPLETED, [Reason.ALL_REQUESTED], [*OF_A_PLAN, "requested"]),
    ),
    EventMessage(
        detail_type=PURGE_DETAIL_TYPES[PurgeOutcome.REFUSED],
        when="a run or an approval is refused as a whole: nothing was sent",
        detail=purge_detail(PurgeOutcome.REFUSED, PURGE_REFUSALS),
    ),
    EventMessage(
        detail_type=TARGET_UNHEALTHY,
        when="a check finds that a target cannot be used, once per check",
        detail=narrowed(
            model_schema(TargetUnhealthy),
            {
                "id": {"type": "string", "format": "uuid", "description": "the same for every repeat of this check"},
                "outcome": {"const": "unhealthy"},
                "reason": {"enum": sorted(reason.value for reason in Reason)},
                "target": model_schema(TargetText),
            },
        ),
    ),
)
