"""EventBridge: publishes result events, after checking that the bus exists; every entry of the reply is checked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from vbs_reaper.aws.batches import Unsent, send_all
from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.deletion.result import DETAIL_TYPES
from vbs_reaper.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

    from vbs_reaper.deletion.result import Result

RECHECK_AFTER_S: Final = 300.0
"""How long the bus is taken to exist after it was found."""
_MISSING: Final = "ResourceNotFoundException"


class EventBus:
    """One event bus. Implements `deletion.ports.Bus` and `purge.ports.Bus`.

    PutEvents answers for a bus that does not exist as if it did, so the bus is looked up first. While it is missing,
    nothing is published: messages stay in the queue and a purge run is repeated.
    """

    def __init__(
        self, client: EventBridgeClient, bus_name: str, source: str, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """`seconds` is a monotonic clock."""
        self._client = client
        self._bus_name = bus_name
        self._source = source
        self._seconds = seconds
        self._trusted_until = float("-inf")

    def publish(self, results: Sequence[Result]) -> bool:
        """Publish the results of delete requests; True only if the bus has taken every one."""
        return self._send([self._entry(DETAIL_TYPES[result.outcome], result) for result in results])

    def announce(self, detail_type: str, details: Sequence[msgspec.Struct]) -> bool:
        """Publish any other events; True only if the bus has taken every one."""
        return self._send([self._entry(detail_type, detail) for detail in details])

    def _send(self, entries: Sequence[PutEventsRequestEntryTypeDef]) -> bool:
        if not self._exists():
            return False
        try:
            unsent = send_all(entries, _size, self._put)
        except AWS_ERRORS as error:
            logger.error("events not published", code=code_of(error), events=len(entries))
            return False
        for each in unsent:
            logger.error("event not published", code=each.code, detail_type=each.entry["DetailType"])
        return not unsent

    def _exists(self) -> bool:
        """Look the bus up every few minutes. Any answer but a clear "not found" leaves the judgement to PutEvents."""
        if self._seconds() < self._trusted_until:
            return True
        try:
            self._client.describe_event_bus(Name=self._bus_name)
        except AWS_ERRORS as error:
            if code_of(error) == _MISSING:
                logger.error(
                    "event bus not found: create it again, or deploy with another EventBusName", bus=self._bus_name
                )
                return False
        self._trusted_until = self._seconds() + RECHECK_AFTER_S
        return True

    def _entry(self, detail_type: str, detail: msgspec.Struct) -> PutEventsRequestEntryTypeDef:
        return {
            "EventBusName": self._bus_name,
            "Source": self._source,
            "DetailType": detail_type,
            "Detail": msgspec.json.encode(detail).decode(),
        }

    def _put(self, batch: Sequence[PutEventsRequestEntryTypeDef]) -> list[Unsent[PutEventsRequestEntryTypeDef]]:
        answers = self._client.put_events(Entries=batch)["Entries"]
        return [
            Unsent(entry, answer.get("ErrorCode", "Unknown"))
            for entry, answer in zip(batch, answers, strict=True)
            if not answer.get("EventId")
        ]


def _size(entry: PutEventsRequestEntryTypeDef) -> int:
    return sum(len(str(value).encode()) for value in entry.values())
