"""A bulk request becomes single ones on the same queue; what is no id in it goes the same way, and is refused alone."""

from dataclasses import replace

import msgspec

from vbs_reaper.deletion.ending import End
from vbs_reaper.deletion.ending import Ending
from vbs_reaper.deletion.ending import SentOn
from vbs_reaper.deletion.envelope import Bulk
from vbs_reaper.deletion.message import Delivery
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.ports import Queue
from vbs_reaper.deletion.ports import Report
from vbs_reaper.deletion.reason import Reason


class Splitting:
    """Takes bulks apart. Repeated after any interruption it makes the same requests with the same identities."""

    def __init__(self, queue: Queue, ending: Ending, report: Report) -> None:
        self._queue = queue
        self._ending = ending
        self._report = report

    def split(self, delivery: Delivery, bulk: Bulk) -> End:
        """Send every part as a message of its own; the bulk may go only when all are stored.

        What is no id is sent too: its own pass refuses it, so that a thousand of them cost this one no time.
        """
        parts = [_part(delivery, msgspec.json.encode(request).decode(), request.backup_id) for request in bulk.requests]
        parts += [_part(delivery, element.body, str(element.position)) for element in bulk.bad]
        if not self._queue.send(parts):
            return self._ending.wait(delivery, Reason.NOT_STORED, "not every part of the bulk was stored")
        self._report.split(delivery.message, len(bulk.requests), len(bulk.bad))
        return SentOn(Reason.SPLIT)


def _part(delivery: Delivery, body: str, name: str) -> NewMessage:
    identity = replace(delivery.message, request_id=f"{delivery.message.request_id}/{name}")
    return NewMessage(body=body, attributes=identity.attributes(), group=delivery.target)
