"""What the environment remembers of a target: whether it may be asked, and who asks first."""

from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from enum import Enum
from threading import Condition

from vbs_reaper.deletion.verdict.decision import Halt


class Admission(Enum):
    """What a record may do at a target's gate."""

    ENTER = "enter"
    ALONE = "alone"
    HALTED = "halted"
    OUT_OF_TIME = "out_of_time"


class Gate:
    """One target's remembered Halt: until it is over nobody enters, then one record goes alone.

    So it is in a new environment too. The others start once the look of the one that went alone did not halt; where
    a DELETE had halted before, once its whole pass did not.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._changed = Condition()
        self._is_open = False
        self._is_probed = False
        self._halted_until: datetime | None = None
        self._halted_at_delete = False

    def enter(self, has_time: Callable[[], bool]) -> Admission:
        """Ask for admission; waits while another record goes alone, as long as there is time."""
        with self._changed:
            while True:
                if self.halted_for_s() > 0:
                    return Admission.HALTED
                if not has_time():
                    return Admission.OUT_OF_TIME
                if self._is_open:
                    return Admission.ENTER
                if not self._is_probed:
                    self._is_probed = True
                    return Admission.ALONE
                self._changed.wait(timeout=0.2)

    def halted_for_s(self) -> float:
        """Seconds until the remembered Halt is over; 0 where there is none."""
        until = self._halted_until
        return 0.0 if until is None else max(0.0, (until - self._clock()).total_seconds())

    def halt(self, halt: Halt, *, at_delete: bool) -> None:
        """Remember a verdict about the target; of several the one that lasts longest counts."""
        with self._changed:
            until = self._clock() + timedelta(seconds=halt.remember_s)
            self._halted_until = max(until, self._halted_until or until)
            self._halted_at_delete = self._halted_at_delete or at_delete
            self._is_open = self._is_probed = False
            self._changed.notify_all()

    def looked(self) -> None:
        """A look did not halt: the others may start, unless it was a DELETE that halted last."""
        if not self._halted_at_delete:
            self.passed()

    def passed(self) -> None:
        """A whole pass did not halt: the target is well."""
        with self._changed:
            if self.halted_for_s() > 0:
                return
            self._halted_until, self._halted_at_delete = None, False
            self._is_open, self._is_probed = True, False
            self._changed.notify_all()

    def left(self) -> None:
        """The one that went alone broke off without a verdict: somebody else may go first."""
        with self._changed:
            if not self._is_open:
                self._is_probed = False
                self._changed.notify_all()
