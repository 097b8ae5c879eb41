"""Whether an environment survives the next moment. If it is killed, its memory is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.faults import Fault
from tests.simulation.run import Run

if TYPE_CHECKING:
    from tests.simulation.world import World


class Killed(BaseException):
    """The environment was killed here."""


class Life:
    """The current invocation of an environment, and whether it survives the next moment."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.run = Run(0, [])
        self.ends_at = 0.0
        self.may_be_misled = False
        """Whether it may read a secret with a wrong address: only the deleter may."""

    def begin(self, run: Run, left_s: float) -> None:
        self.run = run
        self.ends_at = self._world.timeline.now + left_s

    def left_s(self) -> float:
        return self.ends_at - self._world.timeline.now

    def check_timeout(self) -> None:
        """Raise Killed if the function has timed out."""
        if self._world.faults.strikes(Fault.TIMED_OUT):
            self._world.timeline.pass_by(70)
        if self.left_s() <= 0:
            raise Killed("timed out")

    def maybe_kill(self, fault: Fault) -> None:
        if self._world.faults.strikes(fault):
            raise Killed(fault.value)
