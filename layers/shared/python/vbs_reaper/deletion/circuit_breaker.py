"""A circuit breaker per target: whether records of a target may call it now, and which record probes it."""

from datetime import datetime, timedelta
from enum import Enum
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbs_reaper.clock import Clock
    from vbs_reaper.deletion.decision import Halt


class Admission(Enum):
    """What a record may do."""

    ALLOWED = "allowed"
    PROBE = "probe"
    """It may call the target while all others wait for what it finds."""
    HALTED = "halted"
    OUT_OF_TIME = "out_of_time"


class CircuitBreaker:
    """Remembers the last Halt of one target, or of its DELETEs. While it lasts, no record makes such a call.

    After a Halt, and in a new execution environment unless `is_closed`, the breaker is half-open: one record probes the
    target. The others follow if its call does not halt.
    """

    def __init__(self, clock: "Clock", *, is_closed: bool = False) -> None:
        self._clock = clock
        self._changed = Condition()
        self._is_closed = is_closed
        self._is_probed = False
        self._halted_until: datetime | None = None
        self._halt_lasts_s = 0.0

    def acquire(self, has_time: "Callable[[], bool]") -> Admission:
        """Ask for admission. Blocks while another record probes the target and `has_time` is true."""
        with self._changed:
            while True:
                if self.halted_for_s() > 0:
                    return Admission.HALTED
                if not has_time():
                    return Admission.OUT_OF_TIME
                if self._is_closed:
                    return Admission.ALLOWED
                if not self._is_probed:
                    self._is_probed = True
                    return Admission.PROBE
                self._changed.wait(timeout=0.2)

    def halted_for_s(self) -> float:
        """Return the seconds until the remembered Halt ends; 0 if there is none.

        A Halt that has more than twice its length left is forgotten: the clock was set back.
        """
        until = self._halted_until
        left_s = 0.0 if until is None else max(0.0, (until - self._clock()).total_seconds())
        return left_s if left_s <= 2 * self._halt_lasts_s else 0.0

    def halt(self, halt: "Halt") -> None:
        """Open the breaker. Of several Halts the one that lasts longest counts."""
        with self._changed:
            self._halt_lasts_s = max(halt.remember_s, self.halted_for_s())
            self._halted_until = self._clock() + timedelta(seconds=self._halt_lasts_s)
            self._is_closed = self._is_probed = False
            self._changed.notify_all()

    def succeeded(self) -> None:
        """Record that a call did not halt: close the breaker."""
        with self._changed:
            if self._is_closed or self.halted_for_s() > 0:
                return
            self._halted_until = None
            self._is_closed, self._is_probed = True, False
            self._changed.notify_all()

    def release_probe(self) -> None:
        """Record that the probing record ended without a verdict: another record may probe."""
        with self._changed:
            if not self._is_closed:
                self._is_probed = False
                self._changed.notify_all()
