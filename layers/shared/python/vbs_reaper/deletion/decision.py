"""What becomes of one message: answer, request and age in; a decision or the next call out. Pure and total.

The table behind it is binding: every answer of the cloud has one row there and one branch here.
"""

from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from typing import Final
from typing import assert_never

from msgspec import UNSET

from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.expectation import failed_expectation
from vbs_reaper.deletion.message import Delivery
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.request import instant
from vbs_reaper.deletion.request import survivors_of
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import Listing
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.backup import Status
from vbs_reaper.openstack.fault import printable

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


def before_any_call(this: Pass) -> Wait | None:
    """Decide what needs no look: a request that asks to wait."""
    not_before = instant(this.request.not_before)
    if not_before is None or not_before <= this.now:
        return None
    return this.wait(Reason.NOT_BEFORE, f"waits until {not_before.isoformat()}", backoff.until_s(not_before, this.now))


def after_look(this: Pass, answer: Answer, looked_at: datetime) -> Decision | Step:
    """Decide on a look; `looked_at` is when its answer was there (an expiry counts from then)."""
    if answer.name is AnswerName.FOUND and answer.backup is not None and answer.target is not None:
        return _after_found(this, answer.backup, answer.target, looked_at)
    if answer.name is AnswerName.GONE:
        return _gone(this, answer)
    return _after_any(this, answer)


def after_survivor(this: Pass, survivor: BackupId, answer: Answer) -> Decision | None:
    """Decide on the look at one survivor; None when it stays."""
    if answer.name is AnswerName.FOUND and answer.backup is not None and answer.target is not None:
        if answer.backup.owner not in {None, answer.target.project_id}:
            found = "another project's"
        elif answer.backup.status in {Status.AVAILABLE, Status.RESTORING}:
            return None
        elif not answer.backup.status_text:
            return this.wait(Reason.UNKNOWN_FIELD, f'the answer about survivor {survivor} lacks "status"')
        else:
            found = printable(str(answer.backup.status_text))
    elif answer.name is AnswerName.GONE:
        found = "gone"
    else:
        return _after_any(this, answer)
    return Refused(
        reason=Reason.EXPECTATION_FAILED,
        message=f'"expect.survivors" wants {survivor} to be available; it is {found}',
    )


def after_delete(this: Pass, answer: Answer) -> Decision | Step:
    """Decide on the answer to the DELETE."""
    match answer.name:
        case AnswerName.ACCEPTED:
            return _accepted(this)
        case AnswerName.MAYBE_ACCEPTED | AnswerName.WRONG_STATE | AnswerName.CONFLICT:
            return LookAgain()
        case AnswerName.HAS_DEPENDENTS:
            volume_id = this.seen.volume_id if this.seen else None
            return ListVolume(volume_id) if isinstance(volume_id, str) else _has_dependents(this, 1)
        case AnswerName.GONE:
            return _gone(this, answer)
        case _:
            return _after_any(this, answer)


def after_listing(this: Pass, answer: Listing | Answer) -> Decision:
    """Decide how long the newer backups of the volume make this one wait."""
    if isinstance(answer, Answer):
        decision = _after_any(this, answer)
        return decision if isinstance(decision, Halt) else _has_dependents(this, 1)
    own = this.seen.created_at if this.seen else None
    newer = [
        backup
        for backup in answer.backups
        if backup.id != this.request.backup_id and (own is None or (backup.created_at or own) >= own)
    ]
    return _has_dependents(this, len(newer))


def settle(this: Pass, decision: Decision) -> Decision:
    """Park what would have to wait although it has waited too long."""
    if isinstance(decision, Wait | Halt) and is_overdue(this.message, this.now):
        return Parked(reason=decision.reason, message=decision.message)
    return decision


def _gone(this: Pass, answer: Answer) -> Decision:
    ours = this.message.asked_at is not None or this.seen is not None
    return Deleted(proof=answer) if ours else AlreadyGone(proof=answer)


def _after_found(this: Pass, backup: Backup, target: TargetView, looked_at: datetime) -> Decision | Step:
    if backup.owner not in {None, target.project_id}:
        return Refused(reason=Reason.NOT_OWNED, message=f"the backup belongs to project {printable(str(backup.owner))}")
    match backup.status:
        case Status.AVAILABLE | Status.ERROR:
            return _after_deletable(this, backup, target, looked_at)
        case Status.DELETING:
            if this.asked_with is AnswerName.MAYBE_ACCEPTED:
                return _accepted(this)
            return this.wait(
                Reason.DELETING,
                "the backup is deleting",
                backoff.deleting_wait_s(
                    backup.updated_at, this.now, this.message.receive_count, this.base_s, this.dice
                ),
            )
        case Status.CREATING | Status.RESTORING:
            return this.wait(Reason.BUSY, f"the backup is {backup.status}")
        case Status.ERROR_DELETING:
            return Refused(reason=Reason.DELETION_FAILED, message=f"the backup is error_deleting{_fail_reason(backup)}")
        case Status.UNKNOWN if not backup.status_text:
            return this.wait(Reason.UNKNOWN_FIELD, 'the answer lacks "status"')
        case Status.UNKNOWN:
            return this.wait(
                Reason.UNEXPECTED_ANSWER, f'the backup\'s status is "{printable(str(backup.status_text))}"'
            )
        case _:
            assert_never(backup.status)


def _after_deletable(this: Pass, backup: Backup, target: TargetView, looked_at: datetime) -> Decision | Step:
    if this.asked_with is not None:
        reason = Reason.CONFLICT if this.asked_with is AnswerName.CONFLICT else Reason.UNEXPECTED_ANSWER
        return this.wait(reason, f"asked to delete, the backup is still {backup.status}")
    if backup.is_held(target.hold_marker):
        return Refused(reason=Reason.HELD, message="the backup's name, description or metadata holds it")
    expires_at = instant(this.request.expires_at)
    if expires_at and looked_at >= expires_at:
        return Refused(reason=Reason.EXPIRED, message=f"still {backup.status} after {expires_at.isoformat()}")
    missing = backup.missing_field(with_metadata=target.shows_metadata)
    if missing and not _expects_what_is_null(this.request, backup, missing):
        return this.wait(Reason.UNKNOWN_FIELD, f'the answer lacks "{missing}"')
    failed = failed_expectation(this.request, backup)
    if failed:
        return Refused(reason=Reason.EXPECTATION_FAILED, message=failed)
    survivors = survivors_of(this.request)
    return LookAtSurvivors(survivors) if survivors else AskForDeletion()


def _expects_what_is_null(request: DeleteRequest, backup: Backup, missing: str) -> bool:
    """A creation time that is null is no answer to wait for where the request states one: it is a mismatch."""
    expected = request.expect is not UNSET and request.expect.created_at is not UNSET
    return missing == "created_at" and backup.created_at_text is None and expected


def _accepted(this: Pass) -> Decision:
    if this.message.asked_at is None:
        return Asked(delay_s=backoff.asked_delay_s(this.base_s, this.dice), message="the deletion is accepted")
    if this.seen is not None and this.seen.status is Status.ERROR:
        return this.wait(Reason.DELETION_FAILED, f"the deletion failed and is asked again{_fail_reason(this.seen)}")
    return this.wait(Reason.ACCEPTED, "the deletion is accepted again")


def _has_dependents(this: Pass, newer: int) -> Wait:
    return this.wait(
        Reason.HAS_DEPENDENTS,
        f"{newer} newer backups of the volume are still listed",
        backoff.dependents_wait_s(newer, this.message.receive_count, this.base_s, this.dice),
    )


def _fail_reason(backup: Backup) -> str:
    return f": {printable(backup.fail_reason)}" if isinstance(backup.fail_reason, str) else ""


HALTS: Final = {
    AnswerName.OTHER_BACKUP: Reason.IDENTITY_MISMATCH,
    AnswerName.NO_SERVICE: Reason.SERVICE_DOWN,
    AnswerName.UNAVAILABLE: Reason.SERVICE_DOWN,
    AnswerName.THROTTLED: Reason.THROTTLED,
    AnswerName.WRONG_ENDPOINT: Reason.WRONG_ENDPOINT,
    AnswerName.REDIRECTED: Reason.REDIRECTED,
    AnswerName.PROXY_REFUSED: Reason.PROXY,
    AnswerName.GATEWAY_REFUSED: Reason.GATEWAY_REFUSED,
    AnswerName.URL_PROJECT_MISMATCH: Reason.PROJECT_MISMATCH,
    AnswerName.UNAUTHORIZED: Reason.CREDENTIALS_REJECTED,
    AnswerName.UNREACHABLE: Reason.UNREACHABLE,
    AnswerName.TLS_FAILED: Reason.TLS,
    AnswerName.SECRET_UNUSABLE: Reason.SECRET_UNUSABLE,
    AnswerName.LOGIN_REFUSED: Reason.CREDENTIALS_REJECTED,
    AnswerName.LOGIN_THROTTLED: Reason.LOGIN_THROTTLED,
    AnswerName.LOGIN_UNAVAILABLE: Reason.SERVICE_DOWN,
    AnswerName.LOGIN_MISPLACED: Reason.WRONG_ENDPOINT,
    AnswerName.TOKEN_PROJECT_MISMATCH: Reason.PROJECT_MISMATCH,
    AnswerName.ADMINISTRATOR: Reason.ADMINISTRATOR_REFUSED,
}
"""The answers that are a verdict about the target, and their reasons."""


def _after_any(this: Pass, answer: Answer) -> Decision:
    """Decide on what means the same after every call."""
    match answer.name:
        case (
            AnswerName.OTHER_BACKUP
            | AnswerName.NO_SERVICE
            | AnswerName.UNAVAILABLE
            | AnswerName.THROTTLED
            | AnswerName.WRONG_ENDPOINT
            | AnswerName.REDIRECTED
            | AnswerName.PROXY_REFUSED
            | AnswerName.GATEWAY_REFUSED
            | AnswerName.URL_PROJECT_MISMATCH
            | AnswerName.UNAUTHORIZED
            | AnswerName.UNREACHABLE
            | AnswerName.TLS_FAILED
            | AnswerName.SECRET_UNUSABLE
            | AnswerName.LOGIN_REFUSED
            | AnswerName.LOGIN_THROTTLED
            | AnswerName.LOGIN_UNAVAILABLE
            | AnswerName.LOGIN_MISPLACED
            | AnswerName.TOKEN_PROJECT_MISMATCH
            | AnswerName.ADMINISTRATOR
        ):
            return this.halt(HALTS[answer.name], answer.message, answer.retry_after_s)
        case AnswerName.USED_BY_IMAGE:
            return Refused(reason=Reason.USED_BY_IMAGE, message=answer.message)
        case AnswerName.BAD_REQUEST:
            return Refused(reason=Reason.BAD_REQUEST, message=answer.message)
        case AnswerName.UNEXPECTED_CLIENT_ERROR:
            return Refused(reason=Reason.UNEXPECTED_STATUS, message=answer.message)
        case AnswerName.OTHER_PROJECT:
            if this.request.project_id is UNSET:  # the secret has changed between two calls of this pass
                return this.halt(Reason.PROJECT_MISMATCH, answer.message)
            return Refused(reason=Reason.WRONG_PROJECT, message=answer.message)
        case AnswerName.FORBIDDEN:
            return this.wait(Reason.FORBIDDEN, answer.message)
        case AnswerName.TIMED_OUT:
            return this.wait(Reason.TIMED_OUT, answer.message)
        case AnswerName.CONNECTION_LOST:
            return this.wait(Reason.CONNECTION_LOST, answer.message)
        case AnswerName.SERVER_ERROR:
            return this.wait(Reason.SERVER_ERROR, answer.message)
        case AnswerName.CONFLICT:
            return this.wait(Reason.CONFLICT, answer.message)
        case AnswerName.OUT_OF_TIME:
            return this.wait(Reason.OUT_OF_TIME, answer.message)
        case (
            AnswerName.FOUND
            | AnswerName.GONE
            | AnswerName.ACCEPTED
            | AnswerName.MAYBE_ACCEPTED
            | AnswerName.WRONG_STATE
            | AnswerName.HAS_DEPENDENTS
            | AnswerName.UNEXPECTED
        ):
            return this.wait(Reason.UNEXPECTED_ANSWER, answer.message)
        case _:
            assert_never(answer.name)
