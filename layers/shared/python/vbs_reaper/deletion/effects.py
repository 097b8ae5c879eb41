"""Applies a decision: publish, dead-letter, send again, hide. The order of the steps is part of the contract."""

from collections.abc import Callable
from typing import assert_never

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from vbs_reaper.backups.answer import Answer
from vbs_reaper.deletion.decision import (
    AlreadyGone,
    Asked,
    Deleted,
    Halt,
    Parked,
    PassEnd,
    Refused,
    Superseded,
    Unanswered,
    Wait,
    is_overdue,
    ordinary_wait,
)
from vbs_reaper.deletion.message import DELAY_LIMIT_S, Delivery, Message, NewMessage
from vbs_reaper.deletion.ports import Bus, Queue, Report
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import Outcome, Proof, Result, result_id
from vbs_reaper.reasons import Reason


class Finished(msgspec.Struct, frozen=True):
    """The request has ended and its end is recorded: the message may be acknowledged."""

    result: Result


class Requeued(msgspec.Struct, frozen=True):
    """The request continues in messages stored in the queue: this message may be acknowledged."""

    reason: Reason


class Kept(msgspec.Struct, frozen=True):
    """The message stays in the queue, hidden for `delay_s` seconds."""

    delay_s: int
    reason: Reason
    message: str
    target: str | None = None
    carried: Message | None = None
    """The message with what the pass has added. Only a direct request can continue with it: it has no message yet."""


End = Finished | Requeued | Kept

Ending = Deleted | AlreadyGone | Refused | Parked | Superseded
"""The decisions that end a request."""


class Effects:
    """Applies decisions. If a step fails, the message is kept and returns."""

    def __init__(self, queue: Queue, bus: Bus, report: Report) -> None:
        self._queue = queue
        self._bus = bus
        self._report = report

    def apply(self, delivery: Delivery, request: DeleteRequest | None, decision: PassEnd) -> End:
        """Apply a decision. An end counts only when it is published and, if refused or parked, dead-lettered."""
        match decision:
            case Wait() | Halt():
                return self._keep(delivery, request, decision)
            case Asked() | Unanswered():
                return self._requeue(delivery, request, decision)
            case Deleted() | AlreadyGone() | Refused() | Parked() | Superseded():
                return self._end(delivery, request, decision)
            case _:
                assert_never(decision)

    def wait(self, delivery: Delivery, reason: Reason, detail: str, request: DeleteRequest | None = None) -> End:
        """Keep a message for a reason on our side, or park it if it has waited too long."""
        if _is_late(delivery):
            return self._end(delivery, request, Parked(reason=reason, message=detail))
        return self._keep(delivery, request, ordinary_wait(delivery, reason, detail))

    def _keep(self, delivery: Delivery, request: DeleteRequest | None, decision: Wait | Halt) -> Kept:
        """Keep the message for as long as a decision says."""
        self._report.decided(delivery.message, request, decision, delivery.now, delivery.calls)
        return Kept(decision.delay_s, decision.reason, decision.message, delivery.target, delivery.message)

    def _requeue(self, delivery: Delivery, request: DeleteRequest | None, decision: Asked | Unanswered) -> End:
        """Send the message again with what it must remember of its DELETE. If that fails, the old message waits."""
        if isinstance(decision, Asked):
            reported: Asked | Wait | Halt = decision
            reason = Reason.ACCEPTED
            marked = replace(delivery.message, asked_at=delivery.now)
        else:
            reported = decision.wait
            reason = reported.reason
            marked = replace(delivery.message, asked_at=None, unanswered_at=delivery.now)
        changed = replace(marked, place=decision.place or None, volume_id=decision.volume_id)
        requeued = NewMessage(
            body=delivery.message.body,
            attributes=changed.attributes(),
            group=delivery.target,
            delay_s=min(reported.delay_s, DELAY_LIMIT_S),
        )
        if self._done(delivery, "send", lambda: self._queue.send([requeued])):
            self._report.decided(delivery.message, request, reported, delivery.now, delivery.calls)
            return Requeued(reason)
        delivery = replace(delivery, message=changed)
        if isinstance(reported, Asked) or _is_late(delivery):
            return self.wait(delivery, reason, reported.message, request)
        return self._keep(delivery, request, reported)

    def _end(self, delivery: Delivery, request: DeleteRequest | None, decision: Ending) -> Finished | Kept:
        """Publish the result, then write a dead letter if a person must look."""
        needs_letter = isinstance(decision, Refused | Parked) and not delivery.is_direct
        if _is_late(delivery):
            return self._end_late(delivery, request, decision, needs_letter=needs_letter)
        result = make_result(delivery, request, decision)
        if not self._publish(delivery, result):
            return self._keep(
                delivery,
                request,
                ordinary_wait(delivery, Reason.UNHEARD, f"the end ({result.outcome}) was not published"),
            )
        if needs_letter and not self._dead_letter(delivery, result):
            return self._keep(delivery, request, _not_stored(delivery))
        self._report.decided(delivery.message, request, decision, delivery.now, delivery.calls)
        return Finished(result)

    def _end_late(
        self,
        delivery: Delivery,
        request: DeleteRequest | None,
        decision: Ending,
        *,
        needs_letter: bool,
    ) -> Finished | Kept:
        """Past 12 days the dead letter comes first, and replaces an event that cannot be published."""
        result = make_result(delivery, request, decision)
        if needs_letter:
            if not self._dead_letter(delivery, result):
                return self._keep(delivery, request, _not_stored(delivery))
            self._publish(delivery, result)
        elif not self._publish(delivery, result):
            decision = Parked(reason=Reason.UNHEARD, message=f"{result.outcome}: {result.message}")
            result = make_result(delivery, request, decision)
            if not self._dead_letter(delivery, result):
                return self._keep(delivery, request, _not_stored(delivery))
        self._report.decided(delivery.message, request, decision, delivery.now, delivery.calls)
        return Finished(result)

    def _publish(self, delivery: Delivery, result: Result) -> bool:
        return self._done(delivery, "publish", lambda: self._bus.publish([result]))

    def _dead_letter(self, delivery: Delivery, result: Result) -> bool:
        letter = NewMessage(
            body=delivery.message.body,
            attributes={**delivery.message.attributes(), "reason": result.reason, "message": result.message},
            group=delivery.target,
        )
        return self._done(delivery, "dead_letter", lambda: self._queue.dead_letter(letter))

    def _done(self, delivery: Delivery, step: str, act: Callable[[], bool]) -> bool:
        """Take one step. One that raises counts as not done."""
        try:
            done, error = act(), None
        except Exception as raised:  # noqa: BLE001  # a fault in a port is reported, and the message returns
            done, error = False, raised
        if not done:
            self._report.failed(delivery.message, step, error)
        return done


def make_result(delivery: Delivery, request: DeleteRequest | None, decision: Ending) -> Result:
    """Return the event for an end."""
    message = delivery.message
    outcome, reason, detail, proof = _describe(decision)
    return Result(
        id=result_id(message.request_id, message.redrives),
        request_id=message.request_id,
        outcome=outcome,
        reason=reason.value,
        message=reason.with_detail(detail),
        action=reason.action,
        target=delivery.target or UNSET,
        backup_id=request.backup_id if request else UNSET,
        proof=proof,
        request=dict(request.fields) if request else UNSET,
    )


def _describe(
    decision: Ending,
) -> tuple[Outcome, Reason, str, Proof | msgspec.UnsetType]:
    match decision:
        case Deleted(proof=answer, note=note):
            return Outcome.DELETED, Reason.DELETED, note, _proof(answer)
        case AlreadyGone(proof=answer):
            return Outcome.ALREADY_GONE, Reason.ALREADY_GONE, "", _proof(answer)
        case Refused():
            return Outcome.REFUSED, decision.reason, decision.message, UNSET
        case Parked():
            return Outcome.PARKED, decision.reason, decision.message, UNSET
        case Superseded():
            return Outcome.SUPERSEDED, decision.reason, decision.message, UNSET


def _proof(answer: Answer) -> Proof | msgspec.UnsetType:
    if answer.status is None or answer.at is None:
        return UNSET
    return Proof(request_id=answer.request_id, status=answer.status, at=answer.at)


def _not_stored(delivery: Delivery) -> Wait:
    return ordinary_wait(delivery, Reason.NOT_STORED, "the dead letter was not stored")


def _is_late(delivery: Delivery) -> bool:
    """Whether the message may be lost if it waits any longer. A direct request has no message to lose."""
    return is_overdue(delivery.message, delivery.now) and not delivery.is_direct
