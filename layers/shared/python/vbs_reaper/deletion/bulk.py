"""Splits a bulk request into single requests on the same queue."""

import msgspec
from msgspec.structs import replace

from vbs_reaper.deletion.effects import Effects, End, Requeued
from vbs_reaper.deletion.envelope import Bulk
from vbs_reaper.deletion.message import Delivery, NewMessage
from vbs_reaper.deletion.ports import Queue, Report
from vbs_reaper.reasons import Reason


class BulkSplitter:
    """Splits bulk requests. A repeat after an interruption makes the same requests with the same identities."""

    def __init__(self, queue: Queue, effects: Effects, report: Report) -> None:
        self._queue = queue
        self._effects = effects
        self._report = report

    def split(self, delivery: Delivery, bulk: Bulk) -> End:
        """Send every part as its own message. The bulk message is acknowledged only if all parts are stored.

        An element that is not a backup ID is sent too, and refused in its own pass: a thousand dead letters written
        here would exceed the time of this one.
        """
        parts = [
            _part(delivery, msgspec.json.encode(request.fields).decode(), request.backup_id)
            for request in bulk.requests
        ]
        parts += [_part(delivery, element.body, str(element.position)) for element in bulk.bad]
        if not self._queue.send(parts):
            return self._effects.wait(delivery, Reason.NOT_STORED, "not every part of the bulk was stored")
        self._report.split(delivery.message, len(bulk.requests), len(bulk.bad))
        return Requeued(Reason.SPLIT)


def _part(delivery: Delivery, body: str, name: str) -> NewMessage:
    part = replace(delivery.message, request_id=f"{delivery.message.request_id}/{name}")
    return NewMessage(body=body, attributes=part.attributes(), group=delivery.target)
