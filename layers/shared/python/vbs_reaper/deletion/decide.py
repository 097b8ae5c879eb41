"""The decision table: maps an answer of the cloud to a decision, or to the next call. Pure and total.

`layers/README.md` has the same table with the reason of every row.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from vbs_reaper.backups.answer import Answer, AnswerName, Listing, TargetInfo
from vbs_reaper.backups.backup import Backup, Status
from vbs_reaper.backups.holds import Hold, HoldKind, Holds
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.decision import (
    ELSEWHERE_FOR,
    PARKED_AFTER,
    AlreadyGone,
    Asked,
    Decision,
    Deleted,
    Halt,
    ListVolume,
    ObserveAgain,
    ObserveSurvivors,
    Pass,
    PassEnd,
    Refused,
    SendDelete,
    Step,
    Unanswered,
    Wait,
    is_overdue,
)
from vbs_reaper.deletion.expectation import failed_expectation
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.reasons import Reason
from vbs_reaper.text import printable

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
    AnswerName.USER_LOCKED: Reason.CREDENTIALS_REJECTED,
    AnswerName.CLOCK_SKEW: Reason.CLOCK_SKEW,
    AnswerName.BUCKET_UNUSABLE: Reason.BUCKET_UNUSABLE,
    AnswerName.LOGIN_THROTTLED: Reason.LOGIN_THROTTLED,
    AnswerName.LOGIN_UNAVAILABLE: Reason.SERVICE_DOWN,
    AnswerName.LOGIN_MISPLACED: Reason.WRONG_ENDPOINT,
    AnswerName.TOKEN_PROJECT_MISMATCH: Reason.PROJECT_MISMATCH,
    AnswerName.ADMINISTRATOR: Reason.ADMINISTRATOR_REFUSED,
}
"""Answers that are a verdict about the target, after any call."""

DOUBTFUL_HALTS: Final = frozenset(
    {
        AnswerName.OTHER_BACKUP,
        AnswerName.NO_SERVICE,
        AnswerName.UNAVAILABLE,
        AnswerName.WRONG_ENDPOINT,
        AnswerName.REDIRECTED,
        AnswerName.GATEWAY_REFUSED,
        AnswerName.CLOCK_SKEW,
    }
)
"""Those that may concern one backup only, such as a backup whose host is down. If other records of the target get good
answers, only this record waits."""

WAITS: Final = {
    AnswerName.BAD_REQUEST: Reason.BAD_REQUEST,
    AnswerName.UNEXPECTED_CLIENT_ERROR: Reason.UNEXPECTED_STATUS,
    AnswerName.FORBIDDEN: Reason.FORBIDDEN,
    AnswerName.TIMED_OUT: Reason.TIMED_OUT,
    AnswerName.CONNECTION_LOST: Reason.CONNECTION_LOST,
    AnswerName.SERVER_ERROR: Reason.SERVER_ERROR,
    AnswerName.CONFLICT: Reason.CONFLICT,
    AnswerName.VAULT_UNUSABLE: Reason.VAULT_UNUSABLE,
    AnswerName.BUSY: Reason.BUSY,
    AnswerName.MAYBE_GONE: Reason.UNCONFIRMED,
    AnswerName.OUT_OF_TIME: Reason.OUT_OF_TIME,
    AnswerName.LOGIN_BUSY: Reason.LOGIN_BUSY,
    AnswerName.UNEXPECTED: Reason.UNEXPECTED_ANSWER,
    AnswerName.STALE_ANSWER: Reason.STALE_ANSWER,
}
"""Answers that make this request wait, after any call."""

_LOST_ANSWERS: Final = frozenset(
    {AnswerName.TIMED_OUT, AnswerName.CONNECTION_LOST, AnswerName.SERVER_ERROR, AnswerName.MAYBE_ACCEPTED}
)
_LOST_STATUSES: Final = frozenset({408, 500, 502, 504})
_CERTAIN: Final = frozenset({AnswerName.GONE, AnswerName.HAS_DEPENDENTS})
"""Answers to a repeated DELETE that say what became of the first one: the backup is gone, or still there."""


def before_any_call(current: Pass) -> Wait | None:
    """Return the wait of a request that must not be processed yet."""
    not_before = current.request.not_before
    if not_before is None or not_before <= current.now:
        return None
    return current.wait(
        Reason.NOT_BEFORE, f"waits until {not_before.isoformat()}", backoff.until_s(not_before, current.now)
    )


def after_show(current: Pass, answer: Answer, observed_at: datetime) -> Decision | Step:
    """Decide on the answer to a GET of the backup. `observed_at` is compared with the request's expiry."""
    if answer.name is AnswerName.FOUND and answer.backup is not None and answer.target is not None:
        return _after_found(current, answer.backup, answer.target, observed_at)
    if answer.name is AnswerName.GONE:
        return _gone(current, answer)
    if answer.name is AnswerName.MAYBE_GONE and current.seen is None and current.is_elsewhere:
        return _asked_elsewhere(current)
    return after_any(current, answer)


def after_survivor(current: Pass, survivor: BackupId, answer: Answer) -> Decision | None:
    """Decide on the answer to a GET of one survivor. Returns None if it is usable."""
    if answer.name is AnswerName.FOUND and answer.backup is not None and answer.target is not None:
        if answer.backup.owner_other_than(answer.target.project_id):
            found = "another project's"
        elif answer.backup.status in {Status.AVAILABLE, Status.RESTORING} and answer.backup.odd_owner is None:
            return None
        elif (unknown := answer.backup.odd_owner) or not answer.backup.status_text:
            complaint = answer.backup.complaint(unknown or "status")
            return current.wait(Reason.UNKNOWN_FIELD, f"the answer about survivor {survivor} {complaint}")
        else:
            found = printable(str(answer.backup.status_text))
    elif answer.name is AnswerName.GONE:
        found = "gone"
    else:
        return after_any(current, answer)
    return Refused(
        reason=Reason.EXPECTATION_FAILED,
        message=f'"expect.survivors" wants {survivor} to be available; it is {found}',
    )


def after_delete(current: Pass, answer: Answer) -> Decision | Step:
    """Decide on the answer to the DELETE."""
    match answer.name:
        case AnswerName.ACCEPTED:
            return _accepted(current)
        case AnswerName.MAYBE_ACCEPTED | AnswerName.WRONG_STATE | AnswerName.CONFLICT | AnswerName.MAYBE_GONE:
            return ObserveAgain()
        case AnswerName.HAS_DEPENDENTS:
            volume_id = current.seen.volume_id if current.seen else None
            return ListVolume(volume_id) if isinstance(volume_id, str) else _has_dependents(current, 1)
        case AnswerName.GONE:
            return _gone(current, answer)
        case _:
            return after_any(current, answer)


def after_listing(current: Pass, answer: Listing | Answer) -> Decision:
    """Decide how long to wait for the newer backups of the volume."""
    if isinstance(answer, Answer):
        decision = after_any(current, answer)
        is_unusable = isinstance(decision, Halt) and answer.status != 200  # 200: the list is too large, or unreadable
        return decision if is_unusable else _has_dependents(current, 1)
    return _has_dependents(current, _count_dependents(current, answer.backups))


def _count_dependents(current: Pass, backups: Sequence[Backup]) -> int:
    """Count the newer backups up to the next full one: later incrementals depend on that. Unknown ones count."""
    own = current.seen.created_at if current.seen else None
    others = [backup for backup in backups if backup.id != current.request.backup_id]
    if own is None:
        return len(others)
    newer = [backup for backup in others if (backup.created_at or own) >= own]
    fulls = [made_at for backup in newer if backup.is_incremental is False and (made_at := backup.created_at)]
    next_full = min((made_at for made_at in fulls if made_at > own), default=None)
    return sum(
        backup.is_incremental is not False and (next_full is None or (backup.created_at or own) <= next_full)
        for backup in newer
    )


def after_any(current: Pass, answer: Answer) -> Decision:
    """Decide on an answer that means the same after every call. One that does not belong to the call is a wait."""
    if answer.name in HALTS:
        return current.halt(
            HALTS[answer.name],
            answer.message,
            answer.retry_after_s,
            is_certain=answer.name not in DOUBTFUL_HALTS,
        )
    if answer.name in WAITS:
        return current.wait(WAITS[answer.name], answer.message)
    if answer.name is AnswerName.USED_BY_IMAGE:
        return Refused(reason=Reason.USED_BY_IMAGE, message=answer.message)
    if answer.name is AnswerName.LOCKED:
        expired_at = current.seen.expired_at if current.seen else None
        until = f'; it expires at "{printable(expired_at)}"' if isinstance(expired_at, str) else ""
        return Refused(reason=Reason.LOCKED, message=answer.message + until)
    if answer.name is AnswerName.OTHER_PROJECT:
        if current.request.project_id is None:  # the secret has changed between two calls of this pass
            return current.halt(Reason.PROJECT_MISMATCH, answer.message)
        return Refused(reason=Reason.WRONG_PROJECT, message=answer.message)
    return current.wait(Reason.UNEXPECTED_ANSWER, answer.message)


def is_unanswered(answer: Answer) -> bool:
    """Whether a DELETE with this answer may have been accepted, as long as no GET shows the backup."""
    if answer.is_repeat and answer.name not in _CERTAIN:
        return True
    return answer.name in _LOST_ANSWERS or (answer.name is AnswerName.UNAVAILABLE and answer.status in _LOST_STATUSES)


def after_pass(current: Pass, decision: Decision) -> PassEnd:
    """Return how the pass ends: the first lost answer to a DELETE is recorded in the message."""
    is_recorded = current.message.unanswered_at is not None or current.asked_at is not None
    if isinstance(decision, Wait | Halt) and current.is_unanswered and not is_recorded and current.target is not None:
        return Unanswered(wait=decision, place=current.target.place, volume_id=current.volume_id)
    return decision


def _gone(current: Pass, answer: Answer) -> Decision:
    if current.seen is not None or current.asked_at is not None:
        return Deleted(proof=answer)
    if current.is_elsewhere:
        return _asked_elsewhere(current)
    if current.unanswered_at is not None:
        return Deleted(proof=answer, note="the answer to its DELETE was lost")
    waited_s = (current.now - (current.message.first_received_at or current.now)).total_seconds()
    is_confirmed = current.message.receive_count > 1 and waited_s >= current.base_s
    if is_confirmed or is_overdue(current.message, current.now):
        return AlreadyGone(proof=answer)
    # A replica may lag and a cache may be stale, so it takes a second delivery, one base after the first.
    delay_s = backoff.confirmation_delay_s(waited_s, current.base_s, current.jitter)
    return current.wait(Reason.UNCONFIRMED, "the project has no such backup", delay_s)


def _asked_elsewhere(current: Pass) -> Wait | Refused:
    here = current.target.place if current.target else ""
    found = f'the request is for "{printable(current.message.place or "")}"; the target is at "{here}" now'
    if current.now - current.message.sent_at >= ELSEWHERE_FOR:
        return Refused(reason=Reason.ASKED_ELSEWHERE, message=found)
    return current.wait(Reason.ASKED_ELSEWHERE, found)


def _after_found(current: Pass, backup: Backup, target: TargetInfo, observed_at: datetime) -> Decision | Step:
    owner = backup.owner_other_than(target.project_id)
    if owner:
        return Refused(reason=Reason.NOT_OWNED, message=f"the backup belongs to project {printable(owner)}")
    match backup.status:
        case Status.AVAILABLE | Status.ERROR:
            return _after_deletable(current, backup, target, observed_at)
        case Status.DELETING:
            if current.is_unanswered or current.asked_with is AnswerName.MAYBE_ACCEPTED:
                return _accepted(current)
            return _deleting(current, backup)
        case Status.CREATING | Status.RESTORING:
            return current.wait(Reason.BUSY, f"the backup is {backup.status}")
        case Status.ERROR_DELETING:
            return Refused(reason=Reason.DELETION_FAILED, message=f"the backup is error_deleting{_fail_reason(backup)}")
        case Status.UNKNOWN if not backup.status_text:
            return current.wait(Reason.UNKNOWN_FIELD, f"the answer {backup.complaint('status')}")
        case Status.UNKNOWN:
            return current.wait(
                Reason.UNEXPECTED_ANSWER, f'the backup\'s status is "{printable(str(backup.status_text))}"'
            )
        case _:
            assert_never(backup.status)


def _after_deletable(current: Pass, backup: Backup, target: TargetInfo, observed_at: datetime) -> Decision | Step:
    if current.asked_with is not None:
        reason = Reason.CONFLICT if current.asked_with is AnswerName.CONFLICT else Reason.UNEXPECTED_ANSWER
        found = f"after the DELETE, the backup is still {backup.status}"
        return current.wait(reason, f"{found}: {current.asked_message}" if current.asked_message else found)
    if backup.is_held(target.hold_marker):
        return Refused(reason=Reason.HELD, message="the backup is put on hold by its name, description or metadata")
    expires_at = current.request.expires_at
    if expires_at and observed_at >= expires_at:
        if current.asked_at and backup.status is Status.ERROR:
            return Refused(reason=Reason.DELETION_FAILED, message=f"the deletion failed{_fail_reason(backup)}")
        return Refused(reason=Reason.EXPIRED, message=f"still {backup.status} after {expires_at.isoformat()}")
    missing = backup.missing_field(with_metadata=target.shows_metadata)
    if missing and not _expects_null_creation_time(current.request, backup, missing):
        return current.wait(Reason.UNKNOWN_FIELD, f"the answer {backup.complaint(missing)}")
    if (kind := backup.not_only_a_volume()) is not None:
        return Refused(reason=Reason.NOT_A_VOLUME_BACKUP, message=printable(kind))
    if isinstance(backup.image_ids, list) and backup.image_ids:
        return Refused(reason=Reason.USED_BY_IMAGE, message=printable(f"image {', '.join(backup.image_ids)}"))
    was_asked = current.message.asked_at is not None or current.message.unanswered_at is not None
    failed = failed_expectation(current.request.expect, backup, with_status=not was_asked)
    if failed:
        return Refused(reason=Reason.EXPECTATION_FAILED, message=failed)
    if backup.status is Status.AVAILABLE and _is_too_young(backup, observed_at, current.delivery.minimum_age):
        return Refused(
            reason=Reason.MINIMUM_AGE,
            message=f"it was made at {backup.created_at_text}, less than {current.delivery.minimum_age} ago",
        )
    survivors = current.request.expect.survivors
    return ObserveSurvivors(survivors) if survivors else SendDelete()


def _expects_null_creation_time(request: DeleteRequest, backup: Backup, missing: str) -> bool:
    """Whether a null creation time is a mismatch rather than a field to wait for, because the request states one."""
    return missing == "created_at" and backup.created_at_text is None and request.expect.created_at is not None


def _deleting(current: Pass, backup: Backup) -> Wait:
    since = current.asked_at or current.unanswered_at or backup.updated_at
    delay_s = backoff.deleting_wait_s(
        since, current.now, current.message.receive_count, current.base_s, current.jitter, current.pending
    )
    return current.wait(Reason.DELETING, "the backup is deleting", delay_s)


def _is_too_young(backup: Backup, now: datetime, minimum_age: timedelta) -> bool:
    """Whether the backup is younger than the minimum. One from the future is, and so is one of unknown age."""
    if not minimum_age:
        return False
    return backup.created_at is None or now - backup.created_at < minimum_age


def find_hold(current: Pass, holds: Holds, now: datetime) -> Hold | None:
    """Return the hold on the backup or its volume, or the stop of the purge run, that forbids a DELETE now."""
    hold = holds.on_backup(current.request.backup_id, current.volume_id, now)
    if hold is not None:
        return hold
    # A stop only restricts, so a request that merely states the run in `requested_by` is stopped too.
    for run in (current.message.purge_run, current.request.requested_by):
        stop = holds.on_run(run, now) if run else None
        if stop is not None:
            return stop
    return None


def after_hold(hold: Hold, description: str) -> Refused:
    """Decide on a hold that forbids the DELETE. `description` says by whom, until when and why."""
    if hold.kind is HoldKind.RUN:
        return Refused(reason=Reason.STOPPED, message=description)
    return Refused(reason=Reason.HELD, message=description)


def _accepted(current: Pass) -> Decision:
    # A request whose place changes again and again does not live for ever.
    is_old = current.message.asked_at is not None and current.now - current.message.first_sent_at >= PARKED_AFTER
    if current.asked_at is None and not is_old:
        return Asked(
            delay_s=backoff.asked_delay_s(current.base_s, current.jitter, current.pending),
            place=current.target.place if current.target else "",
            volume_id=current.volume_id,
            message="the deletion is accepted",
        )
    if current.seen is not None and current.seen.status is Status.ERROR:
        return current.wait(
            Reason.DELETION_FAILED, f"the deletion failed and is requested again{_fail_reason(current.seen)}"
        )
    return current.wait(Reason.ACCEPTED, "the deletion is accepted again")


def _has_dependents(current: Pass, newer: int) -> Wait:
    return current.wait(
        Reason.HAS_DEPENDENTS,
        f"{newer} newer backups of the volume are still listed",
        backoff.dependents_wait_s(newer, current.message.receive_count, current.base_s, current.jitter),
    )


def _fail_reason(backup: Backup) -> str:
    return f": {printable(backup.fail_reason)}" if isinstance(backup.fail_reason, str) else ""
