"""What the deleter decides, as log lines and metrics: one line per decision, its data in fields of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import assert_never

from msgspec import UNSET

from vbs_reaper.deletion.result import Outcome
from vbs_reaper.deletion.verdict.decision import AlreadyGone
from vbs_reaper.deletion.verdict.decision import Asked
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.deletion.verdict.decision import Deleted
from vbs_reaper.deletion.verdict.decision import Halt
from vbs_reaper.deletion.verdict.decision import Parked
from vbs_reaper.deletion.verdict.decision import Refused
from vbs_reaper.deletion.verdict.decision import Wait
from vbs_reaper.logs import fault_fields
from vbs_reaper.openstack.fault import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aws_lambda_powertools import Logger

    from vbs_reaper.aws.metrics import Metrics
    from vbs_reaper.deletion.message import Message
    from vbs_reaper.deletion.request import DeleteRequest
    from vbs_reaper.openstack.answer import Called

_PHRASES = {
    Outcome.DELETED: "backup deleted",
    Outcome.ALREADY_GONE: "backup already gone",
    Outcome.REFUSED: "request refused",
    Outcome.PARKED: "request parked",
    Outcome.ASKED: "deletion asked for",
    Outcome.WAITING: "request waits",
    Outcome.HALTED: "target halted",
}
_NEEDS_A_PERSON = frozenset({Outcome.REFUSED, Outcome.PARKED, Outcome.HALTED})


class DeletionReport:
    """Implements `deletion.ports.Report`. Ids are fields of each call, as threads share the logger."""

    def __init__(self, metrics: Metrics, logger: Logger) -> None:
        self._metrics = metrics
        self._logger = logger

    def began(self, message: Message, now: datetime) -> None:
        """A message was delivered: its request's age counts, from when it was first sent."""
        age_s = _since(message.first_sent_at, now)
        self._metrics.delivered_after(age_s)
        self._logger.debug("request delivered", extra={**_delivery(message), "age_s": age_s})

    def decided(
        self,
        message: Message,
        request: DeleteRequest | None,
        decision: Decision,
        now: datetime,
        calls: Sequence[Called] = (),
    ) -> None:
        """A pass ended so: one line, one outcome; a wait counts by its reason, a deletion by its time."""
        outcome = _outcome(decision)
        self._metrics.decided(outcome.value)
        if isinstance(decision, Wait | Halt):
            self._metrics.waits(decision.reason.value)
        if isinstance(decision, Refused):
            self._metrics.refused(decision.reason.value)
        if isinstance(decision, Deleted):
            self._metrics.deleted_after(_since(message.first_sent_at, now))
        log = self._logger.warning if outcome in _NEEDS_A_PERSON else self._logger.info
        fields = {**_delivery(message), **_asked_for(request), "outcome": outcome.value, **_explanation(decision)}
        log(_PHRASES[outcome], extra={**fields, "calls": [_call(each, request) for each in calls]})

    def split(self, message: Message, children: int, refused: int) -> None:
        """A bulk was taken apart; its requests tell of their own ends."""
        self._logger.info("bulk split", extra={**_delivery(message), "requests": children, "refused": refused})

    def failed(self, message: Message, step: str, error: Exception | None) -> None:
        """A step of ours failed."""
        self._logger.error("step failed", extra={**_delivery(message), "step": step, **fault_fields(error)})


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
    if message.asked_at:
        fields["asked_at"] = message.asked_at.isoformat()
    if message.message_id != message.request_id:
        fields["message_id"] = message.message_id
    return fields


def _asked_for(request: DeleteRequest | None) -> dict[str, object]:
    if request is None:
        return {}
    named = {
        "backup_id": request.backup_id,
        "target": request.target,
        "requested_by": request.requested_by,
        "request_reason": request.reason,
    }
    return {name: printable(value) for name, value in named.items() if value is not UNSET}


def _call(called: Called, request: DeleteRequest | None) -> dict[str, str]:
    """A call as a line tells of it; whose backup only where it is another than the request's: a survivor."""
    told = {"operation": called.operation.value, "status": called.status, "at": called.at.isoformat()}
    if called.request_id:
        told["request_id"] = called.request_id
    if request is not None and called.backup_id not in (None, request.backup_id):
        told["backup_id"] = str(called.backup_id)
    return told


def _explanation(decision: Decision) -> dict[str, object]:
    """Why, in the words of the decision. `detail` is its sentence: `message` is what a log line calls its phrase."""
    match decision:
        case Deleted(proof=proof) | AlreadyGone(proof=proof):
            return {"status": proof.status, "cloud_request_id": proof.request_id}
        case Asked():
            return {"detail": decision.message, "delay_s": decision.delay_s}
        case Wait() | Halt():
            return {"reason": decision.reason.value, "detail": decision.message, "delay_s": decision.delay_s}
        case Refused() | Parked():
            return {"reason": decision.reason.value, "detail": decision.message}
        case _:
            assert_never(decision)


def _since(moment: datetime, now: datetime) -> float:
    return max(round((now - moment).total_seconds(), 3), 0.0)
