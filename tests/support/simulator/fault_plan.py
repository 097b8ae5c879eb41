"""Selects the fault of each call."""

import random
import threading
from dataclasses import dataclass

from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Call


@dataclass(slots=True)
class _Pending:
    fault: Fault
    left: int | None
    skip: int


class FaultPlan:
    """The faults for future calls; the first match applies. Thread-safe."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed ^ 0xFA)
        self._pending: list[_Pending] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Add faults."""
        with self._lock:
            self._pending += [_Pending(fault, fault.times, fault.skip) for fault in faults]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._pending.clear()

    def take(self, call: Call, *, is_first_on_connection: bool) -> Fault | None:
        """Return the fault for this call, or None, and count it as used."""
        with self._lock:
            for pending in self._pending:
                if pending.fault.matches(call, is_first_on_connection=is_first_on_connection) and self._is_due(pending):
                    return pending.fault
            return None

    def _is_due(self, pending: _Pending) -> bool:
        if pending.skip > 0:
            pending.skip -= 1
            return False
        if pending.fault.probability < 1.0 and self._random.random() >= pending.fault.probability:
            return False
        if pending.left is not None:
            pending.left -= 1
            if pending.left <= 0:
                self._pending.remove(pending)
        return True
