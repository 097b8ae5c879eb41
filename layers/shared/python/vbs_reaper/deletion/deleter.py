"""A batch of messages side by side, or one direct request; one exit builds the response from a complete map.

Every message starts as "failed" and is acknowledged only by a decision that says so, whatever raises on the way.
"""

import json
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Executor
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait
from dataclasses import replace
from datetime import datetime
from typing import Any
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.deletion.ending import End
from vbs_reaper.deletion.ending import Ending
from vbs_reaper.deletion.ending import Finished
from vbs_reaper.deletion.ending import Kept
from vbs_reaper.deletion.ending import SentOn
from vbs_reaper.deletion.envelope import Bulk
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.message import Delivery
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.message import read_message
from vbs_reaper.deletion.passes import BEGIN_S
from vbs_reaper.deletion.passes import Passes
from vbs_reaper.deletion.ports import BackupService
from vbs_reaper.deletion.ports import Bus
from vbs_reaper.deletion.ports import Clock
from vbs_reaper.deletion.ports import Queue
from vbs_reaper.deletion.ports import Report
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.reporting import ReportThatNeverRaises
from vbs_reaper.deletion.request import RequestRefused
from vbs_reaper.deletion.splitting import Splitting
from vbs_reaper.deletion.verdict.decision import Pass
from vbs_reaper.deletion.verdict.decision import Refused

RESPONSE_S: Final = 3.0
"""Seconds kept back to hide what waits and to answer, whatever a record still does."""
DELAY_LIMIT_S: Final = 900
"""The longest delay SQS gives a new message."""


class NotStored(RuntimeError):
    """A direct request could be neither finished nor stored in the queue: ask again."""


class Deleter:
    """Deletes backups as asked. Built once per environment; what it remembers is only each target's last Halt."""

    def __init__(
        self,
        *,
        backups: BackupService,
        queue: Queue,
        bus: Bus,
        report: Report,
        clock: Clock,
        dice: Callable[[], float],
        default_target: str,
        base_s: int,
        calls_at_once: int,
        threads: Executor | None = None,
    ) -> None:
        """Records run in a pool of `calls_at_once` threads, or in `threads` where the caller brings its own."""
        report = ReportThatNeverRaises(report)
        self._queue = queue
        self._report = report
        self._clock = clock
        self._dice = dice
        self._default_target = default_target
        self._base_s = base_s
        self._passes = Passes(backups, clock)
        self._ending = Ending(queue, bus, report)
        self._splitting = Splitting(queue, self._ending, report)
        self._threads = threads or ThreadPoolExecutor(calls_at_once, thread_name_prefix="record")

    def handle(self, event: Mapping[str, Any], time_left: TimeLeft, invocation_id: str) -> dict[str, Any]:
        """Handle one event: SQS's batch, answered with the messages to keep; or a direct request, with its outcome.

        Raises:
            NotStored: a direct request that has not ended could not be put on the queue either.
        """
        if isinstance(event, Mapping) and "Records" in event:
            return self._handle_batch(event["Records"], time_left)
        return self._handle_direct(event, time_left, invocation_id)

    def _handle_batch(self, records: Sequence[Mapping[str, Any]], time_left: TimeLeft) -> dict[str, Any]:
        now = self._clock()
        messages = [read_message(record, now) for record in records]
        ends: dict[str, End] = {}
        futures = {
            self._threads.submit(self._handle_one, self._take_up(message, now), time_left): message.message_id
            for message in messages
        }
        done, late = wait(futures, timeout=max(0.0, time_left() - RESPONSE_S))
        for future in late:
            future.cancel()
        for future in done:
            if future.exception() is None:
                ends[futures[future]] = future.result()
        kept = [message for message in messages if not isinstance(ends.get(message.message_id), Finished | SentOn)]
        self._hide(kept, ends)
        return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in kept]}

    def _hide(self, kept: Sequence[Message], ends: Mapping[str, End]) -> None:
        """Hide what waits; a message without a known end comes back by the queue's own visibility timeout."""
        delays_s = {
            message.receipt_handle: end.delay_s
            for message in kept
            if isinstance(end := ends.get(message.message_id), Kept)
        }
        if not delays_s:
            return
        try:
            self._queue.hide(delays_s)
        except Exception as error:  # noqa: BLE001  # the response must be given, whatever fails here
            self._report.failed(kept[0], "hide", error)

    def _handle_direct(self, event: object, time_left: TimeLeft, invocation_id: str) -> dict[str, Any]:
        now = self._clock()
        message = Message(
            message_id=invocation_id,
            receipt_handle="",
            body=json.dumps(event),
            receive_count=1,
            sent_at=now,
            request_id=invocation_id,
            first_sent_at=now,
        )
        end = self._handle_one(self._take_up(message, now, is_direct=True), time_left)
        if isinstance(end, Finished):
            outcome: dict[str, Any] = msgspec.to_builtins(end.result)
            return outcome
        if isinstance(end, SentOn):
            return _queued(message, end.reason, "")
        anew = NewMessage(
            body=message.body,
            attributes=message.attributes(),
            group=end.target,
            delay_s=min(end.delay_s, DELAY_LIMIT_S),
        )
        if not self._queue.send([anew]):
            raise NotStored(f"the request has not ended ({end.reason}) and could not be queued; send it again")
        return _queued(message, end.reason, end.message)

    def _take_up(self, message: Message, now: datetime, *, is_direct: bool = False) -> Delivery:
        return Delivery(message=message, now=now, base_s=self._base_s, dice=self._dice(), is_direct=is_direct)

    def _handle_one(self, delivery: Delivery, time_left: TimeLeft) -> End:
        try:
            self._report.began(delivery.message, delivery.now)
            return self._carry_out(delivery, time_left)
        except Exception as error:  # noqa: BLE001  # no fault of one record may touch the others
            self._report.failed(delivery.message, "pass", error)
            return self._ending.wait(delivery, Reason.INTERNAL_ERROR, type(error).__name__)

    def _carry_out(self, delivery: Delivery, time_left: TimeLeft) -> End:
        if time_left() < BEGIN_S:
            return self._ending.wait(delivery, Reason.OUT_OF_TIME, "too little time was left to begin")
        try:
            opened = open_envelope(delivery.message.body, delivery.message.sent_at)
        except RequestRefused as refused:
            malformed = Refused(reason=Reason.MALFORMED, message=str(refused))
            return self._ending.carry_out(delivery, None, malformed)
        target = self._default_target if opened.target is UNSET else opened.target
        delivery = replace(delivery, target=target)
        if isinstance(opened, Bulk):
            return self._splitting.split(delivery, opened)
        decision = self._passes.make(Pass(request=opened, delivery=delivery), target, time_left)
        return self._ending.carry_out(delivery, opened, decision)


def _queued(message: Message, reason: Reason, words: str) -> dict[str, Any]:
    return {
        "outcome": "queued",
        "reason": reason.value,
        "message": f"{reason.sentence[:-1]}: {words}" if words else reason.sentence,
        "action": reason.action,
        "request_id": message.request_id,
    }
