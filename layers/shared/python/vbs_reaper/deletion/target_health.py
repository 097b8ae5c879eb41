"""What this execution environment knows about the health of one target, shared by all records of that target.

It can only delay a request. Nothing that is remembered here ends one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Final

from vbs_reaper.backups.answer import Answer, AnswerName, Listing, Operation
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.deletion.circuit_breaker import CircuitBreaker
from vbs_reaper.deletion.pending import PendingDeletions

if TYPE_CHECKING:
    from vbs_reaper.clock import Clock

TIMEOUTS_IN_A_ROW: Final = 2
"""This many GETs in a row without an answer in time halt the target."""

SUSPECTS: Final = 1000
"""How many backups are remembered as the cause of their own bad answers."""

SUSPECT_BASES: Final = 10
"""For how many bases after the last good answer, a suspect's bad answers do not halt the target."""

_GOOD_TO_GET: Final = frozenset({AnswerName.FOUND, AnswerName.GONE})
_GOOD_TO_DELETE: Final = frozenset({AnswerName.ACCEPTED})
"""Not a 404: Cinder looks for the backup before it looks for a backup service."""


@dataclass(slots=True)
class _Answers:
    """The answers to one kind of call, by backup."""

    good: dict[BackupId, datetime] = field(default_factory=dict)
    """The last two backups with a good answer, and when."""
    failed: set[BackupId] = field(default_factory=set)
    """The backups that got bad answers since the last good one."""
    suspects: dict[BackupId, None] = field(default_factory=dict)
    """The backups that got bad answers before others got good ones, oldest first."""


class TargetHealth:
    """The circuit breakers of one target, how many records may run at once, what is pending, who got good answers.

    `calls` stops every call. `deletes` stops only DELETEs: the cloud may reject these while GETs still prove deletions.
    """

    def __init__(self, clock: "Clock", calls_at_once: int) -> None:
        self.calls = CircuitBreaker(clock)
        self.deletes = CircuitBreaker(clock, is_closed=True)
        self.slots = BoundedSemaphore(calls_at_once)
        self.pending = PendingDeletions()
        self._clock = clock
        self._lock = Lock()
        self._timeouts = 0
        self._to_get = _Answers()
        self._to_delete = _Answers()

    def record(self, backup_id: BackupId, operation: Operation, answer: Answer | Listing) -> None:
        """Record the answer to a call that was made for the request of a backup."""
        by_delete = operation is Operation.DELETE_BACKUP
        answers = self._to_delete if by_delete else self._to_get
        with self._lock:
            if isinstance(answer, Listing) or answer.name in (_GOOD_TO_DELETE if by_delete else _GOOD_TO_GET):
                self._timeouts = 0
                others = [other for other in answers.good.items() if other[0] != backup_id]
                answers.good = dict([*others[-1:], (backup_id, self._clock())])
                self._suspect(answers, answers.failed)
                answers.suspects.pop(backup_id, None)
                answers.failed.clear()
            elif answer.name is AnswerName.TIMED_OUT and not by_delete:
                self._timeouts += 1

    def times_out(self) -> bool:
        """Return whether the last GETs of this target timed out, with no good answer between them."""
        return self._timeouts >= TIMEOUTS_IN_A_ROW

    def concerns_only(self, backup_id: BackupId, operation: Operation, within_s: float) -> bool:
        """Return whether a halting answer concerns only this backup, rather than the target.

        It does if another one got a good answer to such a call within the last seconds. For a backup that got such an
        answer before, when others got good ones afterwards, the last ten times as many seconds count. After a DELETE
        only an accepted DELETE is a good answer: a cloud whose backup service is down still answers GETs.
        """
        by_delete = operation is Operation.DELETE_BACKUP
        answers = self._to_delete if by_delete else self._to_get
        with self._lock:
            bases = SUSPECT_BASES if backup_id in answers.suspects else 1
            since = self._clock() - timedelta(seconds=bases * within_s)
            good = [*self._to_delete.good.items(), *(() if by_delete else self._to_get.good.items())]
            answers.failed.add(backup_id)
            return any(other != backup_id and at >= since for other, at in good)

    @staticmethod
    def _suspect(answers: _Answers, backup_ids: Iterable[BackupId]) -> None:
        for backup_id in backup_ids:
            answers.suspects.pop(backup_id, None)
            answers.suspects[backup_id] = None
        while len(answers.suspects) > SUSPECTS:
            del answers.suspects[next(iter(answers.suspects))]
