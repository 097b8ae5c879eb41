"""Which fault a call gets: told one by one or drawn from a seed."""

import random
import threading
from dataclasses import dataclass

from tests.support.simulator.body_shapes import BodyShape
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.journal import Call, Operation


@dataclass(slots=True)
class _Pending:
    fault: Fault
    left: int | None
    skip: int


LIES = frozenset({BodyShape.GONE, BodyShape.OVERSIZED, BodyShape.DEEP_JSON, BodyShape.ANOTHER_BACKUP})
"""Not drawn at random: what no client can see through, what is merely large, and what stops a whole target."""


def any_fault(chance: random.Random, statuses: range = range(300, 600)) -> Fault:
    """Draw a fault: mostly a status with some body, often an answer lost before or after the work."""
    after_work = chance.random() < 0.5
    if chance.random() < 0.4:
        return Fault(breakage=chance.choice(list(Breakage)), after_work=after_work)
    shape = chance.choice([shape for shape in BodyShape if shape not in LIES])
    return Fault(status=chance.choice(statuses), body=shape, after_work=after_work)


class FaultPlan:
    """The faults to come, first told first used. Safe for threads."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed ^ 0xFA)
        self._pending: list[_Pending] = []
        self._shake: tuple[float, range, frozenset[Operation]] | None = None
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Spoil calls to come."""
        with self._lock:
            self._pending += [_Pending(fault, fault.times, fault.skip) for fault in faults]

    def shake(
        self,
        probability: float,
        *,
        statuses: range = range(500, 600),
        operations: frozenset[Operation] = frozenset({Operation.SHOW, Operation.DELETE, Operation.LIST}),
    ) -> None:
        """Spoil each of these calls with this probability by a fault drawn from the seed (see `any_fault`)."""
        with self._lock:
            self._shake = (probability, statuses, operations)

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._pending.clear()
            self._shake = None

    @property
    def pending(self) -> int:
        """How many faults still wait for a call."""
        with self._lock:
            return len(self._pending)

    def take(self, call: Call, *, is_first_on_connection: bool) -> Fault | None:
        """The fault for this call, which counts as used."""
        with self._lock:
            for pending in self._pending:
                if pending.fault.matches(call, is_first_on_connection=is_first_on_connection) and self._is_due(pending):
                    return pending.fault
            return self._shaken(call)

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

    def _shaken(self, call: Call) -> Fault | None:
        if self._shake is None:
            return None
        probability, statuses, operations = self._shake
        if call.operation not in operations or self._random.random() >= probability:
            return None
        return any_fault(self._random, statuses)
