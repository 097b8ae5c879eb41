"""A bus that is looked for first: PutEvents to one that does not exist answers as if all were well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from typing import Final

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    import msgspec
    from mypy_boto3_events import EventBridgeClient

    from vbs_reaper.aws.event_bus import EventBus
    from vbs_reaper.deletion.result import Result

LOOK_EVERY_S: Final = 300.0
_MISSING: Final = "ResourceNotFoundException"


class KnownBus:
    """Implements `deletion.ports.Bus` and `purge.ports.Bus`: a bus that is not there takes nothing.

    So the messages come back, and the purge is repeated, until it is.
    """

    def __init__(
        self, bus: EventBus, client: EventBridgeClient, bus_name: str, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds` is a clock that never goes back."""
        self._bus = bus
        self._client = client
        self._bus_name = bus_name
        self._seconds = seconds
        self._trusted_until = float("-inf")

    def publish(self, results: Sequence[Result]) -> bool:
        """Publish results; True only when the bus is there and has taken every one."""
        return self._is_there() and self._bus.publish(results)

    def announce(self, detail_type: str, details: Sequence[msgspec.Struct]) -> bool:
        """Publish what is no delete request's end; True only when the bus is there and has taken every one."""
        return self._is_there() and self._bus.announce(detail_type, details)

    def _is_there(self) -> bool:
        """Look again every few minutes; what is no clear "not found" leaves the judgement to PutEvents."""
        if self._seconds() < self._trusted_until:
            return True
        try:
            self._client.describe_event_bus(Name=self._bus_name)
        except AWS_ERRORS as error:
            if code_of(error) == _MISSING:
                logger.error(
                    "event bus not found: make it again, or deploy with another EventBusName", bus=self._bus_name
                )
                return False
        self._trusted_until = self._seconds() + LOOK_EVERY_S
        return True
