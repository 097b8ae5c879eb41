"""The base of all AWS clients of an environment: a call may fail, and the function may be killed in it."""

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
    """A boto3 client."""

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
        """Carry out a call, unless a fault prevents it."""
        world = self._world
        self._life.maybe_kill(Fault.KILLED_BEFORE)
        world.timeline.pass_by(0.02)
        self._life.check_timeout()
        if (failed and world.faults.strikes(failed)) or (down and world.faults.lasts(down)):
            self._life.run.had_trouble(operation)
            raise refused(operation)
        reply = work()
        self._life.maybe_kill(Fault.KILLED_AFTER)
        if reply_lost and world.faults.strikes(reply_lost):
            self._life.run.had_trouble(operation)
            raise refused(operation)
        return reply


def refused(operation: str, code: str = "InternalError") -> ClientError:
    return ClientError({"Error": {"Code": code}}, operation)
