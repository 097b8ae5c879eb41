"""What a decision does to the world: publish, dead-letter, send anew, hide. The order of the steps is the promise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from typing import assert_never

import msgspec
from msgspec import UNSET

from vbs_reaper.deletion.message import Delivery
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.ports import Bus
from vbs_reaper.deletion.ports import Queue
from vbs_reaper.deletion.ports import Report
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.deletion.result import Proof
from vbs_reaper.deletion.result import Result
from vbs_reaper.deletion.result import result_id
from vbs_reaper.deletion.verdict import backoff
from vbs_reaper.deletion.verdict.decision import AlreadyGone
from vbs_reaper.deletion.verdict.decision import Asked
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.deletion.verdict.decision import Deleted
from vbs_reaper.deletion.verdict.decision import Halt
from vbs_reaper.deletion.verdict.decision import Parked
from vbs_reaper.deletion.verdict.decision import Refused
from vbs_reaper.deletion.verdict.decision import Wait
from vbs_reaper.deletion.verdict.decision import is_overdue
from vbs_reaper.openstack.answer import Answer


@dataclass(frozen=True, slots=True)
class Finished:
    """The request has ended, and that is recorded: the message may be acknowledged."""

    result: Result


@dataclass(frozen=True, slots=True)
class SentOn:
    """The request lives on in what was stored in the queue: the message may be acknowledged."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Kept:
    """The message stays in the queue, hidden for `delay_s` seconds."""

    delay_s: int
    reason: Reason
    message: str
    target: str | None = None


End = Finished | SentOn | Kept


class Ending:
    """Carries a decision out. Whatever fails on the way, the message is kept and comes back."""

    def __init__(self, queue: Queue, bus: Bus, report: Report) -> None:
        self._queue = queue
        self._bus = bus
        self._report = report

    def carry_out(self, delivery: Delivery, request: DeleteRequest | None, decision: Decision) -> End:
        """Act on a decision; an end is finished only once published and, where it must be, dead-lettered."""
        match decision:
            case Wait() | Halt():
                return self._keep(delivery, request, decision)
            case Asked():
                return self._ask_anew(delivery, request, decision)
            case Deleted() | AlreadyGone() | Refused() | Parked():
                return self._end(delivery, request, decision)
            case _:
                assert_never(decision)

    def wait(self, delivery: Delivery, reason: Reason, words: str, request: DeleteRequest | None = None) -> End:
        """Keep a message for a reason of our own; park it where it has waited too long."""
        if is_overdue(delivery.message, delivery.now) and not delivery.is_direct:
            return self._end(delivery, request, Parked(reason=reason, message=words))
        return self._keep(delivery, request, _wait(delivery, reason, words))

    def _keep(self, delivery: Delivery, request: DeleteRequest | None, decision: Wait | Halt) -> Kept:
        self._report.decided(delivery.message, request, decision, delivery.now, delivery.calls)
        return Kept(decision.delay_s, decision.reason, decision.message, delivery.target)

    def _ask_anew(self, delivery: Delivery, request: DeleteRequest | None, decision: Asked) -> End:
        anew = NewMessage(
            body=delivery.message.body,
            attributes=delivery.message.attributes(asked_at=delivery.now),
            group=delivery.target,
            delay_s=decision.delay_s,
        )
        if self._is_done(delivery, "send", lambda: self._queue.send([anew])):
            self._report.decided(delivery.message, request, decision, delivery.now, delivery.calls)
            return SentOn(Reason.ACCEPTED)
        return self.wait(delivery, Reason.ACCEPTED, decision.message, request)

    def _end(
        self, delivery: Delivery, request: DeleteRequest | None, decision: Deleted | AlreadyGone | Refused | Parked
    ) -> Finished | Kept:
        """Publish, then dead-letter where a person must look."""
        needs_letter = isinstance(decision, Refused | Parked) and not delivery.is_direct
        if is_overdue(delivery.message, delivery.now) and not delivery.is_direct:
            return self._end_late(delivery, request, decision, needs_letter=needs_letter)
        result = make_result(delivery, request, decision)
        if not self._publish(delivery, result):
            return self._keep(
                delivery, request, _wait(delivery, Reason.UNHEARD, f"the end ({result.outcome}) was not published")
            )
        if needs_letter and not self._dead_letter(delivery, result):
            return self._keep(delivery, request, _not_stored(delivery))
        self._report.decided(delivery.message, request, decision, delivery.now, delivery.calls)
        return Finished(result)

    def _end_late(
        self,
        delivery: Delivery,
        request: DeleteRequest | None,
        decision: Deleted | AlreadyGone | Refused | Parked,
        *,
        needs_letter: bool,
    ) -> Finished | Kept:
        """Past 12 days the dead letter comes first, and takes the place of an event that nobody would hear."""
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
        return self._is_done(delivery, "publish", lambda: self._bus.publish([result]))

    def _dead_letter(self, delivery: Delivery, result: Result) -> bool:
        letter = NewMessage(
            body=delivery.message.body,
            attributes={**delivery.message.attributes(), "reason": result.reason, "message": result.message},
            group=delivery.target,
        )
        return self._is_done(delivery, "dead_letter", lambda: self._queue.dead_letter(letter))

    def _is_done(self, delivery: Delivery, step: str, act: Callable[[], bool]) -> bool:
        """Take one step; one that raises is not done: it must not undo the order of what follows."""
        try:
            done, error = act(), None
        except Exception as raised:  # noqa: BLE001  # a fault in a port is told of, and the message comes back
            done, error = False, raised
        if not done:
            self._report.failed(delivery.message, step, error)
        return done


def make_result(
    delivery: Delivery, request: DeleteRequest | None, decision: Deleted | AlreadyGone | Refused | Parked
) -> Result:
    """Write an end as the event that tells of it."""
    message = delivery.message
    outcome, reason, words, proof = _tell(decision)
    return Result(
        id=result_id(message.request_id, message.redrives),
        request_id=message.request_id,
        outcome=outcome,
        reason=reason.value,
        message=f"{reason.sentence[:-1]}: {words}" if words else reason.sentence,
        action=reason.action,
        target=delivery.target or UNSET,
        backup_id=request.backup_id if request else UNSET,
        proof=proof,
        request=_fields(request) if request else UNSET,
    )


def _tell(
    decision: Deleted | AlreadyGone | Refused | Parked,
) -> tuple[Outcome, Reason, str, Proof | msgspec.UnsetType]:
    match decision:
        case Deleted(proof=answer):
            return Outcome.DELETED, Reason.DELETED, "", _proof(answer)
        case AlreadyGone(proof=answer):
            return Outcome.ALREADY_GONE, Reason.ALREADY_GONE, "", _proof(answer)
        case Refused():
            return Outcome.REFUSED, decision.reason, decision.message, UNSET
        case Parked():
            return Outcome.PARKED, decision.reason, decision.message, UNSET


def _proof(answer: Answer) -> Proof | msgspec.UnsetType:
    if answer.status is None or answer.at is None:
        return UNSET
    return Proof(request_id=answer.request_id, status=answer.status, at=answer.at)


def _fields(request: DeleteRequest) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(request)
    return fields


def _not_stored(delivery: Delivery) -> Wait:
    return _wait(delivery, Reason.NOT_STORED, "the dead letter was not stored")


def _wait(delivery: Delivery, reason: Reason, words: str) -> Wait:
    delay_s = backoff.wait_s(delivery.message.receive_count, delivery.base_s, delivery.dice)
    return Wait(reason=reason, delay_s=delay_s, message=words)
