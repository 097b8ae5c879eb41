"""One pass over one message: observe, decide, ask for the deletion; every call behind the target's gate."""

from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from threading import Lock
from typing import Final

from vbs_reaper.deletion.gate import Admission
from vbs_reaper.deletion.gate import Gate
from vbs_reaper.deletion.ports import BackupRef
from vbs_reaper.deletion.ports import BackupService
from vbs_reaper.deletion.ports import Clock
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import backup_id_of
from vbs_reaper.deletion.request import project_id_of
from vbs_reaper.deletion.verdict import backoff
from vbs_reaper.deletion.verdict.decision import AskForDeletion
from vbs_reaper.deletion.verdict.decision import Decision
from vbs_reaper.deletion.verdict.decision import Halt
from vbs_reaper.deletion.verdict.decision import ListVolume
from vbs_reaper.deletion.verdict.decision import LookAgain
from vbs_reaper.deletion.verdict.decision import LookAtSurvivors
from vbs_reaper.deletion.verdict.decision import Pass
from vbs_reaper.deletion.verdict.decision import Refused
from vbs_reaper.deletion.verdict.decision import Step
from vbs_reaper.deletion.verdict.decision import Wait
from vbs_reaper.deletion.verdict.decision import settle
from vbs_reaper.deletion.verdict.dispositions import after_delete
from vbs_reaper.deletion.verdict.dispositions import after_listing
from vbs_reaper.deletion.verdict.dispositions import after_look
from vbs_reaper.deletion.verdict.dispositions import after_survivor
from vbs_reaper.deletion.verdict.dispositions import before_any_call
from vbs_reaper.openstack.answer import Answer

BEGIN_S: Final = 30.0
"""Seconds that must be left for a record to begin."""

LOOK_LASTS: Final = timedelta(seconds=2)
"""How old the look may be when the DELETE is sent: somebody may have put the backup on hold since."""


class Passes:
    """Makes passes, and remembers per target what they found out about it."""

    def __init__(self, backups: BackupService, clock: Clock) -> None:
        self._backups = backups
        self._clock = clock
        self._gates: dict[str, Gate] = {}
        self._gates_lock = Lock()

    def make(self, this: Pass, target: str, time_left: TimeLeft) -> Decision:
        """Make one pass; its decision, parked where it would have to wait too long."""
        early = before_any_call(this)
        return settle(this, early or self._behind_the_gate(this, target, time_left))

    def _behind_the_gate(self, this: Pass, target: str, time_left: TimeLeft) -> Decision:
        gate = self._gate(target)
        admission = gate.enter(lambda: time_left() >= BEGIN_S)
        if admission is Admission.OUT_OF_TIME:
            return this.wait(Reason.OUT_OF_TIME, "too little time was left to begin")
        if admission is Admission.HALTED:
            return _halted(this, gate)
        try:
            return _Visit(self._backups, self._clock, gate, target, time_left).carry_out(this)
        finally:
            if admission is Admission.ALONE:
                gate.left()

    def _gate(self, target: str) -> Gate:
        with self._gates_lock:
            return self._gates.setdefault(target, Gate(self._clock))


class _Visit:
    """The calls of one pass, one after the other, as the decisions ask for them."""

    def __init__(self, backups: BackupService, clock: Clock, gate: Gate, target: str, time_left: TimeLeft) -> None:
        self._backups = backups
        self._clock = clock
        self._gate = gate
        self._target = target
        self._time_left = time_left
        self._looked_at: datetime | None = None
        self._has_looked_twice = False
        self._survivors_stay = False

    def carry_out(self, this: Pass) -> Decision:
        """Look, and follow the steps from there: at most one DELETE, two looks before it and one after it."""
        ref = BackupRef(
            target=self._target,
            backup_id=backup_id_of(this.request),
            project_id=project_id_of(this.request),
            heard=this.delivery.calls.append,
        )
        answer, step = self._look(this, ref)
        this = replace(this, seen=answer.backup)
        if answer.target is not None:
            # Whatever the secret says a moment later: what follows is about the place that was looked at.
            ref = replace(ref, project_id=answer.target.project_id, address=answer.target.address)
        if not isinstance(step, Halt) and _tells_of_target(step):
            self._gate.looked()
        while isinstance(step, LookAgain | LookAtSurvivors | AskForDeletion | ListVolume):
            if self._gate.halted_for_s() > 0:
                return _halted(this, self._gate)
            this, step = self._take(this, ref, step)
        if isinstance(step, Halt):
            self._gate.halt(step, at_delete=this.asked_with is not None)
        elif _tells_of_target(step):
            self._gate.passed()
        return step

    def _take(self, this: Pass, ref: BackupRef, step: Step) -> tuple[Pass, Decision | Step]:
        match step:
            case LookAtSurvivors():
                return this, self._survivors(this, ref, step)
            case AskForDeletion() if self._is_look_old() and not self._has_looked_twice:
                self._has_looked_twice = True
                answer, step_then = self._look(this, ref)
                return replace(this, seen=answer.backup or this.seen), step_then
            case AskForDeletion():
                return self._ask(this, ref)
            case LookAgain():
                return this, self._look(this, ref)[1]
            case ListVolume():
                return this, after_listing(this, self._backups.list_volume(ref, step.volume_id, self._time_left))

    def _look(self, this: Pass, ref: BackupRef) -> tuple[Answer, Decision | Step]:
        answer = self._backups.show_backup(ref, self._time_left)
        self._looked_at = self._clock()
        return answer, after_look(this, answer, self._looked_at)

    def _is_look_old(self) -> bool:
        return self._looked_at is None or not timedelta() <= self._clock() - self._looked_at <= LOOK_LASTS

    def _ask(self, this: Pass, ref: BackupRef) -> tuple[Pass, Decision | Step]:
        """Send the DELETE, unless a login in between takes so long that the backup must be looked at once more."""
        looked_at = self._looked_at or self._clock()
        answer = self._backups.delete_backup(replace(ref, not_after=looked_at + LOOK_LASTS), self._time_left)
        if answer.is_late and not self._has_looked_twice:
            self._looked_at = None
            return this, AskForDeletion()
        this = replace(this, asked_with=answer.name)
        return this, after_delete(this, answer)

    def _survivors(self, this: Pass, ref: BackupRef, step: LookAtSurvivors) -> Decision | Step:
        if self._survivors_stay:
            return AskForDeletion()
        for survivor in step.survivors:
            answer = self._backups.show_backup(replace(ref, backup_id=survivor), self._time_left)
            decision = after_survivor(this, survivor, answer)
            if decision is not None:
                return decision
        self._survivors_stay = True
        return AskForDeletion()


def _tells_of_target(step: Decision | Step) -> bool:
    """Whether a call stands behind a decision: without one the target may still be as bad as it was."""
    without_a_call = {Reason.OUT_OF_TIME, Reason.WRONG_PROJECT}
    return not (isinstance(step, Wait | Refused) and step.reason in without_a_call)


def _halted(this: Pass, gate: Gate) -> Wait:
    left_s = gate.halted_for_s()
    delay_s = backoff.wait_s(this.message.receive_count, this.base_s, this.dice, max(left_s, 1.0))
    return this.wait(Reason.HALTED, f"the target is halted for {left_s:.0f} s more", delay_s)
