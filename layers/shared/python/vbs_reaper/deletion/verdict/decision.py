"""What can be decided on a message, and what a decision may depend on: plain values."""

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from typing import Final

from vbs_reaper.deletion.message import Delivery
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.verdict import backoff
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.backup import BackupId

PARKED_AFTER: Final = timedelta(days=12)
PARKED_RECEIVES: Final = 990


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """Proven gone, and this request asked for it."""

    proof: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyGone:
    """Proven that the project has no such backup."""

    proof: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The first accepted DELETE: the message is sent anew with `asked_at` and this delay in seconds."""

    delay_s: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not finished, nothing wrong with the request: hidden for `delay_s` seconds."""

    reason: Reason
    delay_s: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A verdict about the target: this message waits, and the environment remembers for `remember_s` seconds."""

    reason: Reason
    delay_s: int
    remember_s: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """This request can never succeed, or must not."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Waited too long: moved out before SQS would expire it, with the reason of the wait."""

    reason: Reason
    message: str


Decision = Deleted | AlreadyGone | Asked | Wait | Halt | Refused | Parked


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Look at the backup once more: the DELETE's answer left open what happened."""


@dataclass(frozen=True, slots=True)
class LookAtSurvivors:
    """Look at the copies that make this one superfluous."""

    survivors: tuple[BackupId, ...]


@dataclass(frozen=True, slots=True)
class AskForDeletion:
    """Send the DELETE."""


@dataclass(frozen=True, slots=True)
class ListVolume:
    """List the backups of the volume, to count what must go first."""

    volume_id: str


Step = LookAgain | LookAtSurvivors | AskForDeletion | ListVolume


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One pass over one message: everything a decision may depend on besides the answers themselves."""

    request: DeleteRequest
    delivery: Delivery
    seen: Backup | None = field(default=None)
    """The backup as this pass has seen it."""
    asked_with: AnswerName | None = None
    """How the DELETE of this pass was answered."""

    @property
    def message(self) -> Message:
        """The message this pass is about."""
        return self.delivery.message

    @property
    def now(self) -> datetime:
        """When the pass began, in UTC."""
        return self.delivery.now

    @property
    def base_s(self) -> int:
        """The backoff's base in seconds."""
        return self.delivery.base_s

    @property
    def dice(self) -> float:
        """The luck its waits are drawn with."""
        return self.delivery.dice

    def wait(self, reason: Reason, message: str, delay_s: int | None = None) -> Wait:
        """A wait of the ordinary backoff, or of `delay_s` seconds."""
        ordinary = backoff.wait_s(self.message.receive_count, self.base_s, self.dice)
        return Wait(reason=reason, delay_s=ordinary if delay_s is None else delay_s, message=message)

    def halt(self, reason: Reason, message: str, retry_after_s: float | None = None) -> Halt:
        """A halt of one base, or of what the cloud asked for."""
        return Halt(
            reason=reason,
            delay_s=backoff.wait_s(self.message.receive_count, self.base_s, self.dice, retry_after_s),
            remember_s=self.base_s if retry_after_s is None else retry_after_s,
            message=message,
        )


def is_overdue(message: Message, now: datetime) -> bool:
    """Whether a further wait is no longer safe: 12 days of the message's own age, or 990 receives."""
    return now - message.sent_at >= PARKED_AFTER or message.receive_count >= PARKED_RECEIVES


def settle(this: Pass, decision: Decision) -> Decision:
    """Park what would have to wait although it has waited too long."""
    if isinstance(decision, Wait | Halt) and is_overdue(this.message, this.now):
        return Parked(reason=decision.reason, message=decision.message)
    return decision
