"""How a pass can end, and what a decision may depend on. Plain values; see the table in `decide`.

The many small classes are Structs, because Python needs ten times as long to make a dataclass: at every cold start.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from vbs_reaper.backups.answer import Answer, AnswerName, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.message import Delivery, Message
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.reasons import Reason

PARKED_AFTER: Final = timedelta(days=12)
"""A message that has to wait longer is parked. SQS drops it after 14 days."""
ABANDONED_AFTER: Final = timedelta(days=12, hours=12)
ABANDONED_RECEIVES: Final = 980
"""From this age or receive count on a message is parked without a pass: its passes do not complete. SQS itself moves it
after 1,000 receives, without a reason."""
ELSEWHERE_FOR: Final = timedelta(days=1)
"""How long a request waits for the place where its backup was seen."""


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """The backup is proven gone, and this request asked for its deletion or has observed it before."""

    proof: Answer
    note: str = ""
    """What else there is to say, for the result event."""


class AlreadyGone(msgspec.Struct, frozen=True, kw_only=True):
    """It is proven that the project has no such backup."""

    proof: Answer


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The DELETE was accepted for the first time: the message is sent again with `asked_at` and this delay."""

    delay_s: int
    place: str
    """Where it was accepted."""
    volume_id: str | None
    """The volume of the backup."""
    message: str


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Not finished, and nothing is wrong with the request: the message is hidden for `delay_s` seconds."""

    reason: Reason
    delay_s: int
    message: str


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict about the target: the message waits, and the circuit breaker opens for `remember_s` seconds."""

    reason: Reason
    delay_s: int
    remember_s: float
    message: str
    is_certain: bool = True
    """Whether the answer concerns every record. If not, good answers to other records outweigh it."""


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """The DELETE may have been accepted, but its answer is lost.

    The message is sent again with `unanswered_at`, once, so that the end of this deletion is reported as ours.
    """

    wait: Wait | Halt
    """How long the message waits, and why."""
    place: str
    """Where the DELETE was sent."""
    volume_id: str | None
    """The volume of the backup."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The request can never succeed, or must not."""

    reason: Reason
    message: str


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """The request waited too long: it is moved to the dead-letter queue before SQS drops it."""

    reason: Reason
    message: str


class Superseded(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a purge does not hold any more. The next plan decides, so there is nothing to send again."""

    reason: Reason
    message: str


SUPERSEDED_REASONS: Final = frozenset(
    {Reason.EXPIRED, Reason.EXPECTATION_FAILED, Reason.HELD, Reason.STOPPED, Reason.MINIMUM_AGE}
)
"""If a request of a purge is refused for one of these, it is superseded."""

Decision = Deleted | AlreadyGone | Asked | Wait | Halt | Refused | Parked | Superseded
"""What is decided about a request, and reported."""

PassEnd = Decision | Unanswered
"""What a whole pass ends with."""


class ObserveAgain(msgspec.Struct, frozen=True):
    """Observe the backup again: the answer to the DELETE does not tell what happened."""


class ObserveSurvivors(msgspec.Struct, frozen=True):
    """Observe the other backups that must be usable."""

    survivors: tuple[BackupId, ...]


class SendDelete(msgspec.Struct, frozen=True):
    """Send the DELETE."""


class ListVolume(msgspec.Struct, frozen=True):
    """List the backups of the volume, to count those that must be deleted first."""

    volume_id: str


Step = ObserveAgain | ObserveSurvivors | SendDelete | ListVolume


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over one message: everything that a decision may depend on besides the answers."""

    request: DeleteRequest
    delivery: Delivery
    seen: Backup | None = None
    """The backup as observed in this pass."""
    target: TargetInfo | None = None
    """The target as it was in the first observation of this pass."""
    asked_with: AnswerName | None = None
    """The answer to the DELETE of this pass."""
    asked_message: str = ""
    """What that answer says."""
    is_unanswered: bool = False
    """Whether the DELETE of this pass may have been accepted although its answer does not say so."""
    pending: int = 0
    """How many deletions of the target this environment waits for."""

    @property
    def message(self) -> Message:
        """The message of this pass."""
        return self.delivery.message

    @property
    def now(self) -> datetime:
        """When the pass began, in UTC."""
        return self.delivery.now

    @property
    def base_s(self) -> int:
        """The base of the backoff, in seconds."""
        return self.delivery.base_s

    @property
    def jitter(self) -> float:
        """The random number in [0, 1) for all delays of this pass."""
        return self.delivery.jitter

    @property
    def volume_id(self) -> str | None:
        """The volume of the backup as observed in this pass, or else as the message states it; None if unknown."""
        seen = self.seen.volume_id if self.seen else None
        return seen if isinstance(seen, str) else self.message.volume_id

    @property
    def is_elsewhere(self) -> bool:
        """Whether the target is now at another place than the message states."""
        stated = self.message.place
        return stated is not None and self.target is not None and stated != self.target.place

    @property
    def asked_at(self) -> datetime | None:
        """When the deletion was first accepted at the present place."""
        return None if self.is_elsewhere else self.message.asked_at

    @property
    def unanswered_at(self) -> datetime | None:
        """When a DELETE was first sent to the present place without getting an answer."""
        return None if self.is_elsewhere else self.message.unanswered_at

    def wait(self, reason: Reason, message: str, delay_s: int | None = None) -> Wait:
        """Return a wait of the ordinary backoff, or of `delay_s` seconds."""
        if delay_s is None:
            return ordinary_wait(self.delivery, reason, message)
        return Wait(reason=reason, delay_s=delay_s, message=message)

    def halt(
        self, reason: Reason, message: str, retry_after_s: float | None = None, *, is_certain: bool = True
    ) -> Halt:
        """Return a halt of one base, or of the time that the cloud asked for."""
        return Halt(
            reason=reason,
            delay_s=backoff.wait_s(self.message.receive_count, self.base_s, self.jitter, retry_after_s),
            remember_s=self.base_s if retry_after_s is None else retry_after_s,
            message=message,
            is_certain=is_certain,
        )


def ordinary_wait(delivery: Delivery, reason: Reason, message: str) -> Wait:
    """Return a wait of the ordinary backoff."""
    delay_s = backoff.wait_s(delivery.message.receive_count, delivery.base_s, delivery.jitter)
    return Wait(reason=reason, delay_s=delay_s, message=message)


def is_overdue(message: Message, now: datetime) -> bool:
    """Whether a further wait is no longer safe: after 12 days of the message's own age, or 980 receives."""
    return now - message.sent_at >= PARKED_AFTER or message.receive_count >= ABANDONED_RECEIVES


def is_abandoned(message: Message, now: datetime) -> bool:
    """Whether another pass is no longer safe: the message would have been parked by any pass that completes."""
    return now - message.sent_at >= ABANDONED_AFTER or message.receive_count >= ABANDONED_RECEIVES


def settle(current: Pass, decision: PassEnd) -> PassEnd:
    """Turn a wait or a halt into `Parked` if the message has waited too long.

    Turn the refusal of a purge's request into `Superseded` if the next plan decides about the backup again.
    """
    if isinstance(decision, Wait | Halt) and is_overdue(current.message, current.now):
        return Parked(reason=decision.reason, message=decision.message)
    if isinstance(decision, Refused) and current.message.purge_run and decision.reason in SUPERSEDED_REASONS:
        return Superseded(reason=decision.reason, message=decision.message)
    return decision
