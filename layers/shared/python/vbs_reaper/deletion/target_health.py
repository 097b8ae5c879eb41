"""What this execution environment knows about the health of one target, shared by all records of that target.

It can only delay a request. Nothing that is remembered here ends one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Final

from vbs_reaper.backups.answer import Answer, AnswerName, Listing, Operation
from vbs_reaper.deletion.circuit_breaker import CircuitBreaker

if TYPE_CHECKING:
    from vbs_reaper.clock import Clock

TIMEOUTS_IN_A_ROW: Final = 2
"""This many GETs in a row without an answer in time halt the target."""

_GOOD: Final = frozenset({AnswerName.FOUND, AnswerName.GONE, AnswerName.ACCEPTED})


@dataclass(frozen=True, slots=True)
class _GoodAnswer:
    message_id: str
    at: datetime


class TargetHealth:
    """The circuit breakers of one target, how many of its records may run at once, and who got good answers.

    `calls` stops every call. `deletes` stops only DELETEs: the cloud may reject these while GETs still prove deletions.
    """

    def __init__(self, clock: "Clock", calls_at_once: int) -> None:
        self.calls = CircuitBreaker(clock)
        self.deletes = CircuitBreaker(clock, is_closed=True)
        self.slots = BoundedSemaphore(calls_at_once)
        self._clock = clock
        self._lock = Lock()
        self._timeouts = 0
        self._good: dict[bool, list[_GoodAnswer]] = {True: [], False: []}

    def record(self, message_id: str, operation: Operation, answer: Answer | Listing) -> None:
        """Record the answer to a call for a message."""
        is_good = isinstance(answer, Listing) or answer.name in _GOOD
        by_delete = operation is Operation.DELETE_BACKUP
        with self._lock:
            if is_good:
                self._timeouts = 0
                others = [good for good in self._good[by_delete] if good.message_id != message_id]
                self._good[by_delete] = [*others[-1:], _GoodAnswer(message_id, self._clock())]
            elif isinstance(answer, Answer) and answer.name is AnswerName.TIMED_OUT and not by_delete:
                self._timeouts += 1

    def times_out(self) -> bool:
        """Return whether the last GETs of this target timed out, with no good answer between them."""
        return self._timeouts >= TIMEOUTS_IN_A_ROW

    def serves_others(self, message_id: str, operation: Operation, within_s: float) -> bool:
        """Return whether another message got a good answer to such a call within the last seconds.

        After a DELETE only an accepted DELETE counts: a cloud whose backup service is down still answers GETs.
        """
        since = self._clock() - timedelta(seconds=within_s)
        with self._lock:
            good = self._good[True] + ([] if operation is Operation.DELETE_BACKUP else self._good[False])
        return any(each.message_id != message_id and each.at >= since for each in good)
