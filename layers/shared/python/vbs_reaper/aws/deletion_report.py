"""Logs and metrics of the deleter: one log line per pass, with its data in fields.

A pass that only finds an accepted deletion in progress is logged at level DEBUG: most passes of a long deletion do.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, assert_never

from vbs_reaper.deletion.decision import AlreadyGone, Asked, Decision, Deleted, Halt, Parked, Refused, Superseded, Wait
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.logs import fault_fields
from vbs_reaper.reasons import Reason, Scope
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aws_lambda_powertools import Logger

    from vbs_reaper.aws.metrics import Metrics
    from vbs_reaper.backups.answer import CallRecord
    from vbs_reaper.deletion.message import Message
    from vbs_reaper.deletion.request import DeleteRequest

_PHRASES = {
    Outcome.DELETED: "backup deleted",
    Outcome.ALREADY_GONE: "backup already gone",
    Outcome.REFUSED: "request refused",
    Outcome.PARKED: "request parked",
    Outcome.SUPERSEDED: "request superseded",
    Outcome.ASKED: "deletion asked for",
    Outcome.WAITING: "request waits",
    Outcome.HALTED: "target halted",
}
_NEEDS_A_PERSON = frozenset({Outcome.REFUSED, Outcome.PARKED, Outcome.HALTED})


class DeletionReport:
    """Implements `deletion.ports.Report`. IDs are fields of each log call, because threads share the logger."""

    def __init__(self, metrics: Metrics, logger: Logger) -> None:
        self._metrics = metrics
        self._logger = logger

    def began(self, message: Message, now: datetime) -> None:
        """Record the age of the request, from when it was first sent."""
        age_s = _since(message.first_sent_at, now)
        self._metrics.delivered_after(age_s)
        if self._logger.log_level <= logging.DEBUG:
            self._logger.debug("request delivered", extra={**_delivery(message), "age_s": age_s})

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[CallRecord] = (),
    ) -> None:
        """Log how a pass ended and count its outcome, its wait by reason and its deletion by time."""
        outcome = _outcome(decision)
        self._metrics.decided(outcome.value)
        if isinstance(decision, Wait | Halt):
            self._count_wait(decision.reason)
        if isinstance(decision, Refused):
            self._metrics.refused(decision.reason.value)
        if isinstance(decision, AlreadyGone) and message.purge_run:
            self._metrics.purge_repeated()
        if isinstance(decision, Deleted):
            self._metrics.deleted_after(_since(message.first_sent_at, now))
        log = self._logger.debug if _is_no_news(message, decision, calls) else self._logger.info
        if outcome in _NEEDS_A_PERSON:
            log = self._logger.warning
        fields = {**_delivery(message), **_request_fields(request), "outcome": outcome.value, **_explanation(decision)}
        log(_PHRASES[outcome], extra={**fields, "calls": [_call(each, request) for each in calls]})

    def _count_wait(self, reason: Reason) -> None:
        self._metrics.waits(reason.value)
        if reason.fault_of is Scope.STACK:
            self._metrics.stack_fault()
        if reason.fault_of is Scope.TARGET:
            self._metrics.target_fault()

    def split(self, message: Message, children: int, refused: int) -> None:
        """Log that a bulk request was split. Its parts report their own ends."""
        self._logger.info("bulk split", extra={**_delivery(message), "requests": children, "refused": refused})

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        """Log that a step failed."""
        self._logger.error("step failed", extra={**_delivery(message), "step": step, **fault_fields(error)})


def _is_no_news(message: Message, decision: Decision, calls: Sequence[CallRecord]) -> bool:
    """Whether a pass has only found that an accepted deletion is in progress. An earlier line says that it began."""
    is_in_progress = isinstance(decision, Wait) and decision.reason is Reason.DELETING and message.asked_at is not None
    return is_in_progress and all(call.status == "200" for call in calls)


def _outcome(decision: Decision) -> Outcome:  # noqa: PLR0911  # one line per decision
    match decision:
        case Deleted():
            return Outcome.DELETED
        case AlreadyGone():
            return Outcome.ALREADY_GONE
        case Asked():
            return Outcome.ASKED
        case Wait():
            return Outcome.WAITING
        case Halt():
            return Outcome.HALTED
        case Refused():
            return Outcome.REFUSED
        case Parked():
            return Outcome.PARKED
        case Superseded():
            return Outcome.SUPERSEDED
        case _:
            assert_never(decision)


def _delivery(message: Message) -> dict[str, object]:
    fields: dict[str, object] = {
        "request_id": printable(message.request_id),
        "sent_at": message.first_sent_at.isoformat(),
        "receives": message.receive_count,
    }
    if message.redrives:
        fields["redrives"] = message.redrives
    for name, moment in (("asked_at", message.asked_at), ("unanswered_at", message.unanswered_at)):
        if moment:
            fields[name] = moment.isoformat()
    if message.message_id != message.request_id:
        fields["message_id"] = message.message_id
    return fields


def _request_fields(request: DeleteRequest | None) -> dict[str, object]:
    if request is None:
        return {}
    named = {
        "backup_id": request.backup_id,
        "target": request.target,
        "requested_by": request.requested_by,
        "request_reason": request.reason,
    }
    return {name: printable(value) for name, value in named.items() if value is not None}


def _call(called: CallRecord, request: DeleteRequest | None) -> dict[str, str]:
    """Return a call as a log field. The backup is named only if it is a survivor, not the request's backup."""
    record = {"operation": called.operation.value, "status": called.status, "at": called.at.isoformat()}
    if called.request_id:
        record["request_id"] = called.request_id
    if request is not None and called.backup_id not in (None, request.backup_id):
        record["backup_id"] = str(called.backup_id)
    return record


def _explanation(decision: Decision) -> dict[str, object]:
    """Return the reason for a decision. Its sentence is `detail`; `message` is the fixed phrase of a log line."""
    match decision:
        case Deleted(proof=proof) | AlreadyGone(proof=proof):
            return {"status": proof.status, "cloud_request_id": proof.request_id}
        case Asked():
            return {"detail": decision.message, "delay_s": decision.delay_s}
        case Wait() | Halt():
            return {"reason": decision.reason.value, "detail": decision.message, "delay_s": decision.delay_s}
        case Refused() | Parked() | Superseded():
            return {"reason": decision.reason.value, "detail": decision.message}
        case _:
            assert_never(decision)


def _since(moment: datetime, now: datetime) -> float:
    return max(round((now - moment).total_seconds(), 3), 0.0)
