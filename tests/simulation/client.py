"""What every client of an environment has: a call may fail, and be the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.aws import Aws
    from tests.simulation.life import Life

Reply = TypeVar("Reply")


class Client:
    """A client of boto3."""

    def __init__(self, aws: Aws, life: Life) -> None:
        self._aws = aws
        self._world = aws.world
        self._life = life

    def _call(
        self,
        operation: str,
        work: Callable[[], Reply],
        *,
        failed: Fault | None = None,
        down: Fault | None = None,
        reply_lost: Fault | None = None,
    ) -> Reply:
        """Do the work behind a call, unless a fault says otherwise."""
        world = self._world
        self._life.may_die(Fault.KILLED_BEFORE)
        world.timeline.pass_by(0.02)
        self._life.must_live()
        if (failed and world.faults.strikes(failed)) or (down and world.faults.lasts(down)):
            self._life.run.had_trouble(operation)
            raise refused(operation)
        reply = work()
        self._life.may_die(Fault.KILLED_AFTER)
        if reply_lost and world.faults.strikes(reply_lost):
            self._life.run.had_trouble(operation)
            raise refused(operation)
        return reply


def refused(operation: str, code: str = "InternalError") -> ClientError:
    return ClientError({"Error": {"Code": code}}, operation)
