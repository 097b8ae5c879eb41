"""The history of one backup's requests: the passes in the log, by request, and the plan that each request is from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vbs_reaper.errors import InvalidPlan, RunRefused
from vbs_reaper.purge.plan_file import read_plan_pieces

if TYPE_CHECKING:
    from datetime import datetime

    from vbs_reaper.aws.plan_store import PlanBucket
    from vbs_reaper.cli.log_record import LogRecord
    from vbs_reaper.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The purge that sent a request: its policy and run, the plan's hash, and why the plan selects the backup."""

    policy: str
    run: str
    sha256: str
    reasons: tuple[Reason, ...]
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHistory:
    """One request: its passes, oldest first, and the purge that sent it, if one did."""

    passes: tuple[LogRecord, ...]
    planned: Planned | None = None

    @property
    def request_id(self) -> str:
        """The request's ID."""
        return self.passes[0].request_id

    @property
    def first_read(self) -> LogRecord:
        """The first pass that could read the request, so that it knows its sender, target and reason."""
        return next((record for record in self.passes if record.backup_id), self.passes[0])

    @property
    def bulk_id(self) -> str:
        """The ID of the bulk request that it was a part of; empty if it was sent alone."""
        return self.request_id.partition("/")[0] if "/" in self.request_id else ""

    @property
    def quiet_passes(self) -> tuple[int, ...]:
        """For each pass, how often its message was delivered since the line before it, without writing a line."""
        received = {self.passes[0].message_id: self.passes[0].receives - 1}
        quiet = []
        for record in self.passes:
            quiet.append(max(record.receives - received.get(record.message_id, 0) - 1, 0))
            received[record.message_id] = record.receives
        return tuple(quiet)

    @property
    def end(self) -> LogRecord | None:
        """The pass that ended the request; None if it has not ended."""
        last = self.passes[-1]
        return last if last.is_end else None


def group_by_request(passes: Iterable[LogRecord]) -> list[RequestHistory]:
    """Group passes by request, oldest first; the requests are in the order of their first passes."""
    by_request: dict[str, list[LogRecord]] = {}
    for record in sorted(passes, key=lambda record: record.written_at):
        by_request.setdefault(record.request_id, []).append(record)
    return [RequestHistory(passes=tuple(records)) for records in by_request.values()]


def find_plan(plans: PlanBucket, backup_id: str, requested_by: str) -> Planned | None:
    """Return the stored plan that `requested_by` names (POLICY/RUN), if it names one that selects this backup."""
    policy, slash, run = requested_by.partition("/")
    if not (policy and slash and run):
        return None
    try:
        document = plans.read(policy, run)
        plan = None if document is None else read_plan_pieces(document.pieces())
    except (RunRefused, InvalidPlan):
        return None
    row = None if plan is None else next((each for each in plan.selected if each.id == backup_id), None)
    if plan is None or row is None:
        return None
    return Planned(policy=policy, run=run, sha256=plan.sha256 or "", reasons=row.reasons, detail=row.detail or "")


def as_json(backup_id: str, histories: Iterable[RequestHistory]) -> dict[str, Any]:
    """Return the histories of a backup's requests as plain values."""
    return {"backup_id": backup_id, "requests": [_request(history) for history in histories]}


def _request(history: RequestHistory) -> dict[str, Any]:
    first, planned = history.first_read, history.planned
    return {
        "request_id": history.request_id,
        "sent_at": first.sent_at,
        "target": first.target,
        "requested_by": first.requested_by,
        "reason": first.request_reason,
        "plan": planned
        and {
            "policy": planned.policy,
            "run": planned.run,
            "sha256": planned.sha256,
            "reasons": [reason.value for reason in planned.reasons],
        },
        "outcome": history.end.outcome if history.end else None,
        "passes": [_pass(record, quiet) for record, quiet in zip(history.passes, history.quiet_passes, strict=True)],
    }


def _pass(record: LogRecord, quiet: int) -> dict[str, Any]:
    return {
        "at": _text(record.written_at),
        "quiet_passes_before": quiet,
        "calls": [
            {"at": call.at, "operation": call.operation, "status": call.status, "request_id": call.request_id}
            | ({"backup_id": call.backup_id} if call.backup_id else {})
            for call in record.calls
        ],
        "outcome": record.outcome,
        "reason": record.reason,
        "detail": record.detail,
        "until": None if record.until is None else _text(record.until),
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
