"""One pass over one message: observe the backup, decide, send the DELETE; all behind the target's circuit breaker."""

from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from vbs_reaper.backups.answer import Answer
from vbs_reaper.backups.ports import BackupRef, BackupService
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.deletion import backoff
from vbs_reaper.deletion.circuit_breaker import Admission, CircuitBreaker
from vbs_reaper.deletion.decide import after_delete, after_listing, after_show, after_survivor, before_any_call
from vbs_reaper.deletion.decision import (
    Decision,
    Halt,
    ListVolume,
    ObserveAgain,
    ObserveSurvivors,
    Pass,
    Refused,
    SendDelete,
    Step,
    Wait,
    settle,
)
from vbs_reaper.reasons import Reason

BEGIN_S: Final = 30.0
"""Seconds that must be left to begin a record."""

OBSERVATION_VALID: Final = timedelta(seconds=2)
"""How old the observation may be when the DELETE is sent: the backup may have been put on hold since."""


class Reconciler:
    """Runs passes. Keeps one circuit breaker per target."""

    def __init__(self, backups: BackupService, clock: Clock) -> None:
        self._backups = backups
        self._clock = clock
        self._breakers: dict[str, CircuitBreaker] = {}
        self._breakers_lock = Lock()

    def reconcile(self, current: Pass, target: str, time_left: TimeLeft) -> Decision:
        """Run one pass and return its decision, which is `Parked` if the message would have to wait too long."""
        decision = before_any_call(current) or self._with_breaker(current, target, time_left)
        return settle(current, decision)

    def _with_breaker(self, current: Pass, target: str, time_left: TimeLeft) -> Decision:
        breaker = self._breaker(target)
        admission = breaker.acquire(lambda: time_left() >= BEGIN_S)
        if admission is Admission.OUT_OF_TIME:
            return current.wait(Reason.OUT_OF_TIME, "too little time was left to begin")
        if admission is Admission.HALTED:
            return _halted(current, breaker)
        try:
            return _PassRun(self._backups, self._clock, breaker, target, time_left).run(current)
        finally:
            if admission is Admission.PROBE:
                breaker.release_probe()

    def _breaker(self, target: str) -> CircuitBreaker:
        with self._breakers_lock:
            return self._breakers.setdefault(target, CircuitBreaker(self._clock))


class _PassRun:
    """The calls of one pass, made one after the other as the decisions require."""

    def __init__(
        self, backups: BackupService, clock: Clock, breaker: CircuitBreaker, target: str, time_left: TimeLeft
    ) -> None:
        self._backups = backups
        self._clock = clock
        self._breaker = breaker
        self._target = target
        self._time_left = time_left
        self._observed_at: datetime | None = None
        self._observed_twice = False
        self._survivors_checked = False

    def run(self, current: Pass) -> Decision:
        """Observe the backup and follow the steps: at most one DELETE, two GETs before and one after it."""
        ref = BackupRef(
            target=self._target,
            backup_id=current.request.backup_id,
            project_id=current.request.project_id,
            recorder=current.delivery.calls.append,
        )
        answer, step = self._observe(current, ref)
        current = replace(current, seen=answer.backup)
        if answer.target is not None:
            # All further calls must go to the place that was observed, even if the secret changes meanwhile.
            ref = replace(ref, project_id=answer.target.project_id, address=answer.target.address)
        if not isinstance(step, Halt) and _is_based_on_call(step):
            self._breaker.observed()
        while isinstance(step, ObserveAgain | ObserveSurvivors | SendDelete | ListVolume):
            if self._breaker.halted_for_s() > 0:
                return _halted(current, self._breaker)
            current, step = self._take(current, ref, step)
        if isinstance(step, Halt):
            self._breaker.halt(step, by_delete=current.asked_with is not None)
        elif _is_based_on_call(step):
            self._breaker.succeeded()
        return step

    def _take(self, current: Pass, ref: BackupRef, step: Step) -> tuple[Pass, Decision | Step]:
        match step:
            case ObserveSurvivors():
                return current, self._observe_survivors(current, ref, step)
            case SendDelete() if self._is_observation_old() and not self._observed_twice:
                self._observed_twice = True
                answer, next_step = self._observe(current, ref)
                return replace(current, seen=answer.backup or current.seen), next_step
            case SendDelete():
                return self._delete(current, ref)
            case ObserveAgain():
                return current, self._observe(current, ref)[1]
            case ListVolume():
                return current, after_listing(current, self._backups.list_volume(ref, step.volume_id, self._time_left))

    def _observe(self, current: Pass, ref: BackupRef) -> tuple[Answer, Decision | Step]:
        answer = self._backups.show_backup(ref, self._time_left)
        self._observed_at = self._clock()
        return answer, after_show(current, answer, self._observed_at)

    def _is_observation_old(self) -> bool:
        return self._observed_at is None or not timedelta() <= self._clock() - self._observed_at <= OBSERVATION_VALID

    def _delete(self, current: Pass, ref: BackupRef) -> tuple[Pass, Decision | Step]:
        """Send the DELETE. If a login delays it for too long, observe the backup once more instead."""
        observed_at = self._observed_at or self._clock()
        answer = self._backups.delete_backup(replace(ref, not_after=observed_at + OBSERVATION_VALID), self._time_left)
        if answer.is_late and not self._observed_twice:
            self._observed_at = None
            return current, SendDelete()
        current = replace(current, asked_with=answer.name)
        return current, after_delete(current, answer)

    def _observe_survivors(self, current: Pass, ref: BackupRef, step: ObserveSurvivors) -> Decision | Step:
        if self._survivors_checked:
            return SendDelete()
        for survivor in step.survivors:
            answer = self._backups.show_backup(replace(ref, backup_id=survivor), self._time_left)
            decision = after_survivor(current, survivor, answer)
            if decision is not None:
                return decision
        self._survivors_checked = True
        return SendDelete()


def _is_based_on_call(step: Decision | Step) -> bool:
    """Whether a decision is based on a real call; if not, it says nothing about the target's health."""
    without_call = {Reason.OUT_OF_TIME, Reason.WRONG_PROJECT, Reason.LOGIN_BUSY}
    return not (isinstance(step, Wait | Refused) and step.reason in without_call)


def _halted(current: Pass, breaker: CircuitBreaker) -> Wait:
    left_s = breaker.halted_for_s()
    delay_s = backoff.wait_s(current.message.receive_count, current.base_s, current.jitter, max(left_s, 1.0))
    return current.wait(Reason.HALTED, f"the target is halted for {left_s:.0f} s more", delay_s)
