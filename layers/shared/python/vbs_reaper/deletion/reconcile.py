"""One pass over one message: observe the backup, decide, send the DELETE; all behind the target's circuit breakers."""

from datetime import datetime, timedelta
from threading import Lock
from typing import Final, TypeVar

from msgspec.structs import replace

from vbs_reaper.backups.answer import Answer, AnswerName, Listing, Operation
from vbs_reaper.backups.hold_cache import VALID as HOLDS_VALID, HoldCache
from vbs_reaper.backups.ports import BackupRef, BackupService
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.circuit_breaker import Admission, CircuitBreaker
from vbs_reaper.deletion.decide import (
    after_delete,
    after_hold,
    after_listing,
    after_pass,
    after_show,
    after_survivor,
    before_any_call,
    find_hold,
    is_unanswered,
)
from vbs_reaper.deletion.decision import (
    Asked,
    Decision,
    Halt,
    ListVolume,
    ObserveAgain,
    ObserveSurvivors,
    Pass,
    PassEnd,
    Refused,
    SendDelete,
    Step,
    Wait,
    settle,
)
from vbs_reaper.deletion.survivor_claims import SurvivorClaims
from vbs_reaper.deletion.target_health import TargetHealth
from vbs_reaper.errors import BucketUnusable
from vbs_reaper.reasons import Reason

BEGIN_S: Final = 30.0
"""Seconds that must be left to begin a record."""

DELETE_S: Final = 15.0
"""Seconds that must be left to wait for another record's DELETE: one call, and the time to record how it ended."""

DELETE_PATIENCE: Final = 5
"""Receives after which waits for halted DELETEs grow. Such a halt is often over soon: it may be about other backups."""

OBSERVATION_VALID: Final = timedelta(seconds=2)
"""How old the observation may be when the DELETE is sent: the backup may have been put on hold since."""

AnyStep = TypeVar("AnyStep", bound=Decision | Step | None)


class Reconciler:
    """Runs passes. Keeps the health of each target, and the backups that are being deleted."""

    def __init__(self, backups: BackupService, holds: HoldCache, clock: Clock, calls_at_once: int) -> None:
        """Of each target, at most `calls_at_once` records run at the same time."""
        self._backups = backups
        self._holds = holds
        self._clock = clock
        self._calls_at_once = calls_at_once
        self._targets: dict[str, TargetHealth] = {}
        self._targets_lock = Lock()
        self._claims = SurvivorClaims()

    def reconcile(self, current: Pass, target: str, time_left: TimeLeft) -> PassEnd:
        """Run one pass and return its decision, which is `Parked` if the message would have to wait too long."""
        decision = before_any_call(current) or self._with_slot(current, target, time_left)
        return settle(current, decision)

    def _with_slot(self, current: Pass, target: str, time_left: TimeLeft) -> PassEnd:
        health = self._health(target)
        if not health.slots.acquire(timeout=max(0.0, time_left() - BEGIN_S)):
            return _out_of_time(current)
        try:
            return self._with_breaker(current, target, health, time_left)
        finally:
            health.slots.release()

    def _with_breaker(self, current: Pass, target: str, health: TargetHealth, time_left: TimeLeft) -> PassEnd:
        admission = health.calls.acquire(lambda: time_left() >= BEGIN_S)
        if admission is Admission.OUT_OF_TIME:
            return _out_of_time(current)
        if admission is Admission.HALTED:
            return _halted(current, health.calls)
        run = _PassRun(self._backups, self._holds, self._clock, health, self._claims, target, time_left)
        try:
            decision = run.run(replace(current, pending=health.pending.count(current.now)))
            if isinstance(decision, Asked) or (isinstance(decision, Wait) and decision.reason is Reason.DELETING):
                health.pending.add(current.now + timedelta(seconds=decision.delay_s))
            return decision
        finally:
            run.release()
            if admission is Admission.PROBE:
                health.calls.release_probe()

    def _health(self, target: str) -> TargetHealth:
        with self._targets_lock:
            if target not in self._targets:
                self._targets[target] = TargetHealth(self._clock, self._calls_at_once)
            return self._targets[target]


class _PassRun:
    """The calls of one pass, made one after the other as the decisions require."""

    def __init__(  # noqa: PLR0913  # each is a separate value
        self,
        backups: BackupService,
        holds: HoldCache,
        clock: Clock,
        health: TargetHealth,
        claims: SurvivorClaims,
        target: str,
        time_left: TimeLeft,
    ) -> None:
        self._backups = backups
        self._holds = holds
        self._clock = clock
        self._health = health
        self._claims = claims
        self._target = target
        self._time_left = time_left
        self._observed_at: datetime | None = None
        self._observed_twice = False
        self._survivors_checked = False
        self._admission: Admission | None = None
        self._claimed: str | None = None
        self._claim_kept_until: datetime | None = None

    def run(self, current: Pass) -> PassEnd:
        """Observe the backup and follow the steps: at most one DELETE, two GETs before and one after it."""
        ref = BackupRef(
            target=self._target,
            backup_id=current.request.backup_id,
            project_id=current.request.project_id,
            volume_id=current.volume_id,
            recorder=current.delivery.calls.append,
        )
        current, step = self._observe(current, ref)
        if current.target is not None:
            # All further calls must go to the place that was observed, even if the secret changes meanwhile.
            place = current.target
            ref = replace(ref, project_id=place.project_id, address=place.address, volume_id=current.volume_id)
        while isinstance(step, Step):
            if self._health.calls.halted_for_s() > 0:
                step = _halted(current, self._health.calls)
            else:
                current, step = self._take(current, ref, step)
        return after_pass(current, step)

    def release(self) -> None:
        """Let other records of the target continue. Must be called once, however the pass ended."""
        if self._admission is Admission.PROBE:
            self._health.deletes.release_probe()
        if self._claimed is not None:
            self._claims.release(self._claimed, self._claim_kept_until)

    def _take(self, current: Pass, ref: BackupRef, step: Step) -> tuple[Pass, Decision | Step]:
        match step:
            case ObserveSurvivors() | SendDelete() if (end := self._prepare_delete(current)) is not None:
                return current, end
            case ObserveSurvivors():
                return current, self._observe_survivors(current, ref, step)
            case SendDelete() if self._is_observation_old() and not self._observed_twice:
                self._observed_twice = True
                # Further calls could make this observation too old as well, in this pass and in all later ones.
                return self._observe(current, replace(ref, wants_fail_reason=False))
            case SendDelete():
                return self._delete(current, ref)
            case ObserveAgain():
                return self._observe(current, ref)
            case ListVolume():
                listing = self._backups.list_volume(ref, step.volume_id, self._time_left)
                return current, self._weigh(current, Operation.LIST_BACKUPS, listing, after_listing(current, listing))

    def _observe(self, current: Pass, ref: BackupRef) -> tuple[Pass, Decision | Step]:
        answer = self._backups.show_backup(ref, self._time_left)
        self._observed_at = answer.at or self._clock()  # further calls may have taken time since
        current = replace(current, target=current.target or answer.target)
        step = self._weigh(current, Operation.SHOW_BACKUP, answer, after_show(current, answer, self._observed_at))
        is_unanswered = current.is_unanswered and answer.name is not AnswerName.FOUND
        return replace(current, seen=answer.backup or current.seen, is_unanswered=is_unanswered), step

    def _is_observation_old(self) -> bool:
        return self._observed_at is None or not timedelta() <= self._clock() - self._observed_at <= OBSERVATION_VALID

    def _observe_survivors(self, current: Pass, ref: BackupRef, step: ObserveSurvivors) -> Decision | Step:
        if self._survivors_checked:
            return SendDelete()
        for survivor in step.survivors:
            answer = self._backups.show_backup(replace(ref, backup_id=survivor, volume_id=None), self._time_left)
            decision = self._weigh(current, Operation.SHOW_BACKUP, answer, after_survivor(current, survivor, answer))
            if decision is not None:
                return decision
        self._survivors_checked = True
        return SendDelete()

    def _prepare_delete(self, current: Pass) -> Decision | None:
        """Do what may take time before the survivors are observed. Returns a decision if there is no DELETE now."""
        return self._claim(current) or self._ask_to_delete(current) or self._check_holds(current)

    def _claim(self, current: Pass) -> Wait | None:
        """Claim the backup for deletion. Returns a wait if another request is deleting one of its survivors."""
        if self._claimed is not None:
            return None
        backup_id = current.request.backup_id
        base = timedelta(seconds=current.base_s)
        claimed = self._claims.claim(backup_id, current.request.expect.survivors, self._clock(), base)
        if claimed is not None:
            return current.wait(Reason.SURVIVOR_CLAIMED, f"survivor {claimed} is being deleted")
        self._claimed = backup_id
        return None

    def _ask_to_delete(self, current: Pass) -> Wait | None:
        """Pass the circuit breaker of DELETEs. Returns a wait if it is open."""
        if self._admission is not None:
            return None
        admission = self._health.deletes.acquire(lambda: self._time_left() >= DELETE_S)
        if admission is Admission.OUT_OF_TIME:
            return _out_of_time(current)
        if admission is Admission.HALTED:
            return _halted(current, self._health.deletes, DELETE_PATIENCE)
        self._admission = admission
        return None

    def _check_holds(self, current: Pass) -> Halt | Refused | None:
        """Look for a hold or a stop. While the holds cannot be listed, no DELETE is sent to the target."""
        try:
            holds = self._holds.current(HOLDS_VALID - OBSERVATION_VALID)
        except BucketUnusable as unusable:
            halt = current.halt(Reason.BUCKET_UNUSABLE, str(unusable))
            self._health.deletes.halt(halt)
            return halt
        hold = find_hold(current, holds, self._clock())
        return None if hold is None else after_hold(hold, self._holds.describe(hold))

    def _delete(self, current: Pass, ref: BackupRef) -> tuple[Pass, Decision | Step]:
        """Send the DELETE. If a login delays it for too long, observe the backup once more instead."""
        observed_at = self._observed_at or self._clock()
        self._claim_kept_until = self._clock() + timedelta(seconds=current.base_s)  # even if the call raises
        answer = self._backups.delete_backup(replace(ref, not_after=observed_at + OBSERVATION_VALID), self._time_left)
        unanswered = is_unanswered(answer)
        if not unanswered and answer.name is not AnswerName.ACCEPTED:
            self._claim_kept_until = None
        if answer.is_late and not self._observed_twice:
            self._observed_at = None
            self._survivors_checked = False
            return replace(current, is_unanswered=unanswered), SendDelete()
        current = replace(current, asked_with=answer.name, asked_message=answer.message, is_unanswered=unanswered)
        return current, self._weigh(current, Operation.DELETE_BACKUP, answer, after_delete(current, answer))

    def _weigh(
        self, current: Pass, operation: Operation, answer: Answer | Listing, step: AnyStep
    ) -> AnyStep | Halt | Wait:
        """Record the answer to a call. Returns the step after it, weighed against the answers to other records."""
        by_delete = operation is Operation.DELETE_BACKUP
        self._health.record(current.request.backup_id, operation, answer)
        weighed: AnyStep | Halt | Wait = step
        if isinstance(step, Wait) and step.reason is Reason.TIMED_OUT and not by_delete and self._health.times_out():
            weighed = current.halt(Reason.TIMED_OUT, step.message)
        elif isinstance(step, Halt) and not step.is_certain and self._concerns_only_it(current, operation):
            weighed = Wait(reason=step.reason, delay_s=step.delay_s, message=step.message)
        breaker = self._health.deletes if by_delete else self._health.calls
        if isinstance(weighed, Halt):
            (self._health.calls if weighed.is_certain else breaker).halt(weighed)
        elif _is_based_on_call(weighed):
            breaker.succeeded()
        return weighed

    def _concerns_only_it(self, current: Pass, operation: Operation) -> bool:
        return self._health.concerns_only(current.request.backup_id, operation, current.base_s)


def _is_based_on_call(step: Decision | Step | None) -> bool:
    """Whether a decision is based on a real call; if not, it says nothing about the target's health."""
    without_call = {Reason.OUT_OF_TIME, Reason.WRONG_PROJECT, Reason.LOGIN_BUSY}
    return not (isinstance(step, Wait | Refused) and step.reason in without_call)


def _out_of_time(current: Pass) -> Wait:
    return current.wait(Reason.OUT_OF_TIME, "too little time was left to begin")


def _halted(current: Pass, breaker: CircuitBreaker, patience: int = 0) -> Wait:
    """Return the wait until a halt ends. After `patience` receives, the backoff begins to grow."""
    left_s = breaker.halted_for_s()
    receives = max(current.message.receive_count - patience, 1)
    delay_s = backoff.wait_s(receives, current.base_s, current.jitter, max(left_s, 1.0))
    return current.wait(Reason.HALTED, f"the target is halted for {left_s:.0f} s more", delay_s)
