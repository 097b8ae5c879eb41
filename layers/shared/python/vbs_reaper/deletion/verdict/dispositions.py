"""What becomes of one message: answer, request and age in; a decision or the next call out. Pure and total.

The table behind it is binding: every answer of the cloud has one row there and one branch here.
"""

from datetime import datetime
from typing import assert_never

from msgspec import UNSET

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.request import instant
from vbs_reaper.deletion.request import survivors_of
from vbs_reaper.deletion.verdict import backoff
from vbs_reaper.deletion.verdict.any_answer import after_any
from vbs_reaper.deletion.verdict.decision import AlreadyGone
from vbs_reaper.deletion.verdict.decision import Asked
from vbs_reaper.deletion.verdict.decision import AskForDeletion
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.deletion.verdict.decision import Deleted
from vbs_reaper.deletion.verdict.decision import Halt
from vbs_reaper.deletion.verdict.decision import ListVolume
from vbs_reaper.deletion.verdict.decision import LookAgain
from vbs_reaper.deletion.verdict.decision import LookAtSurvivors
from vbs_reaper.deletion.verdict.decision import Pass
from vbs_reaper.deletion.verdict.decision import Refused
from vbs_reaper.deletion.verdict.decision import Step
from vbs_reaper.deletion.verdict.decision import Wait
from vbs_reaper.deletion.verdict.expectation import failed_expectation
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.answer import AnswerName
from vbs_reaper.openstack.answer import Listing
from vbs_reaper.openstack.answer import TargetView
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.backup import BackupId
from vbs_reaper.openstack.backup import Status
from vbs_reaper.openstack.fault import printable


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
    return after_any(this, answer)


def after_survivor(this: Pass, survivor: BackupId, answer: Answer) -> Decision | None:
    """Decide on the look at one survivor; None when it stays."""
    if answer.name is AnswerName.FOUND and answer.backup is not None and answer.target is not None:
        if answer.backup.owner_other_than(answer.target.project_id):
            found = "another project's"
        elif answer.backup.status in {Status.AVAILABLE, Status.RESTORING} and answer.backup.odd_owner is None:
            return None
        elif (unknown := answer.backup.odd_owner) or not answer.backup.status_text:
            complaint = answer.backup.complaint(unknown or "status")
            return this.wait(Reason.UNKNOWN_FIELD, f"the answer about survivor {survivor} {complaint}")
        else:
            found = printable(str(answer.backup.status_text))
    elif answer.name is AnswerName.GONE:
        found = "gone"
    else:
        return after_any(this, answer)
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
            return after_any(this, answer)


def after_listing(this: Pass, answer: Listing | Answer) -> Decision:
    """Decide how long the newer backups of the volume make this one wait."""
    if isinstance(answer, Answer):
        decision = after_any(this, answer)
        return decision if isinstance(decision, Halt) else _has_dependents(this, 1)
    own = this.seen.created_at if this.seen else None
    newer = [
        backup
        for backup in answer.backups
        if backup.id != this.request.backup_id and (own is None or (backup.created_at or own) >= own)
    ]
    return _has_dependents(this, len(newer))


def _gone(this: Pass, answer: Answer) -> Decision:
    ours = this.message.asked_at is not None or this.seen is not None
    return Deleted(proof=answer) if ours else AlreadyGone(proof=answer)


def _after_found(this: Pass, backup: Backup, target: TargetView, looked_at: datetime) -> Decision | Step:
    owner = backup.owner_other_than(target.project_id)
    if owner:
        return Refused(reason=Reason.NOT_OWNED, message=f"the backup belongs to project {printable(owner)}")
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
            return this.wait(Reason.UNKNOWN_FIELD, f"the answer {backup.complaint('status')}")
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
        return this.wait(Reason.UNKNOWN_FIELD, f"the answer {backup.complaint(missing)}")
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
