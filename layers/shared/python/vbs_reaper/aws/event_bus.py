"""EventBridge: result events onto the bus, every entry of the reply checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vbs_reaper.aws.batches import Unsent
from vbs_reaper.aws.batches import send_all
from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.deletion.result import DETAIL_TYPES
from vbs_reaper.logs import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

    from vbs_reaper.deletion.result import Result


class EventBus:
    """One bus. Implements `deletion.ports.Bus`.

    A bus that does not exist answers like one that does: its name comes from the template, never from a message.
    """

    def __init__(self, client: EventBridgeClient, bus_name: str, source: str) -> None:
        self._client = client
        self._bus_name = bus_name
        self._source = source

    def publish(self, results: Sequence[Result]) -> bool:
        """Publish results; True only when the bus has taken every one. Only entries that failed are sent again."""
        return self._send([self._entry(DETAIL_TYPES[result.outcome], result) for result in results])

    def announce(self, detail_type: str, details: Sequence[msgspec.Struct]) -> bool:
        """Publish what is no delete request's end; True only when the bus has taken every one."""
        return self._send([self._entry(detail_type, detail) for detail in details])

    def _send(self, entries: Sequence[PutEventsRequestEntryTypeDef]) -> bool:
        try:
            unsent = send_all(entries, _size, self._put)
        except AWS_ERRORS as error:
            logger.error("events not published", code=code_of(error), events=len(entries))
            return False
        for each in unsent:
            logger.error("event not published", code=each.code, detail_type=each.entry["DetailType"])
        return not unsent

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
