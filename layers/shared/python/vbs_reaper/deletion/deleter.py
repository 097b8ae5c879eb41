"""Handles a batch of SQS messages in parallel, or one direct request.

Every message counts as failed until a decision says otherwise, and the response is built in one place from a complete
map. So no exception and no early return can acknowledge a message.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.ports import BackupService, HoldStore
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.deletion.bulk import BulkSplitter
from vbs_reaper.deletion.decision import Parked, Pass, Refused, is_abandoned
from vbs_reaper.deletion.effects import Effects, End, Finished, Kept, Requeued
from vbs_reaper.deletion.envelope import Bulk, open_envelope
from vbs_reaper.deletion.message import DELAY_LIMIT_S, Delivery, Message, NewMessage, read_message
from vbs_reaper.deletion.ports import BestEffortReport, Bus, Queue, Report
from vbs_reaper.deletion.reconcile import BEGIN_S, Reconciler
from vbs_reaper.errors import InvalidRequest, RequestNotQueued
from vbs_reaper.reasons import Reason

RESPONSE_S: Final = 3.0
"""Seconds reserved at the end of the invocation for hiding messages and responding."""
BATCH_LIMIT: Final = 10
"""Records of one batch (`BatchSize` of the event source mapping). Each has its own thread, so none waits for others."""


class Deleter:
    """Deletes backups on request. Built once per execution environment.

    What it remembers of a target can delay a request. What a request itself must remember is in its message.
    """

    def __init__(
        self,
        *,
        backups: BackupService,
        holds: HoldStore,
        queue: Queue,
        bus: Bus,
        report: Report,
        clock: Clock,
        jitter: Callable[[], float],
        default_target: str,
        base_s: int,
        calls_at_once: int,
        trusted_senders: Collection[str],
        minimum_age: timedelta = timedelta(),
        threads: Executor | None = None,
    ) -> None:
        """Each record of a batch has its own thread, or runs in `threads` if the caller provides them.

        `base_s` is the base of the backoff in seconds; `jitter` returns random numbers in [0, 1). At most
        `calls_at_once` records of a target run at once. `trusted_senders` are the unique IDs of the senders whose
        message attributes count. Available backups younger than `minimum_age` are not deleted.
        """
        report = BestEffortReport(report)
        self._queue = queue
        self._report = report
        self._clock = clock
        self._jitter = jitter
        self._default_target = default_target
        self._base_s = base_s
        self._trusted_senders = trusted_senders
        self._minimum_age = minimum_age
        self._reconciler = Reconciler(backups, HoldCache(holds, clock), clock, calls_at_once)
        self._effects = Effects(queue, bus, report)
        self._bulk = BulkSplitter(queue, self._effects, report)
        self._threads = threads or ThreadPoolExecutor(BATCH_LIMIT, thread_name_prefix="record")

    def handle(self, event: Mapping[str, Any], time_left: TimeLeft, invocation_id: str) -> dict[str, Any]:
        """Handle an SQS batch and return the messages to keep, or handle a direct request and return its outcome.

        Raises:
            RequestNotQueued: a direct request has not ended and could not be put on the queue.
        """
        if isinstance(event, Mapping) and "Records" in event:
            return self._handle_batch(event["Records"], time_left)
        return self._handle_direct(event, time_left, invocation_id)

    def _handle_batch(self, records: Sequence[Mapping[str, Any]], time_left: TimeLeft) -> dict[str, Any]:
        now = self._clock()
        messages = [read_message(record, now, self._trusted_senders) for record in records]
        ends: dict[str, End] = {}
        futures = {
            self._threads.submit(self._process, self._delivery(message, now), time_left): message.message_id
            for message in messages
        }
        done, late = wait(futures, timeout=max(0.0, time_left() - RESPONSE_S))
        for future in late:
            future.cancel()
        for future in done:
            if future.exception() is None:
                ends[futures[future]] = future.result()
        kept = [message for message in messages if not isinstance(ends.get(message.message_id), Finished | Requeued)]
        self._hide(kept, ends)
        return {"batchItemFailures": [{"itemIdentifier": message.message_id} for message in kept]}

    def _hide(self, kept: Sequence[Message], ends: Mapping[str, End]) -> None:
        """Hide the messages that wait. One without a known end returns after the queue's visibility timeout."""
        delays_s = {
            message.receipt_handle: end.delay_s
            for message in kept
            if isinstance(end := ends.get(message.message_id), Kept)
        }
        if not delays_s:
            return
        try:
            self._queue.hide(delays_s)
        except Exception as error:  # noqa: BLE001  # the response must be returned, whatever fails here
            self._report.failed(kept[0], "hide", error)

    def _handle_direct(self, event: object, time_left: TimeLeft, invocation_id: str) -> dict[str, Any]:
        now = self._clock()
        message = Message(
            message_id=invocation_id,
            receipt_handle="",  # pragma: no mutate  # never used: a direct request is not in a queue
            body=json.dumps(event),
            receive_count=1,
            sent_at=now,
            request_id=invocation_id,
            first_sent_at=now,
        )
        end = self._process(self._delivery(message, now, is_direct=True), time_left)
        if isinstance(end, Finished):
            outcome: dict[str, Any] = msgspec.to_builtins(end.result)
            return outcome
        if isinstance(end, Requeued):
            return _queued(message, end.reason, "")
        queued = NewMessage(
            body=message.body,
            attributes=(end.carried or message).attributes(),
            group=end.target,
            delay_s=min(end.delay_s, DELAY_LIMIT_S),
        )
        if not self._queue.send([queued]):
            raise RequestNotQueued(f"the request has not ended ({end.reason}) and could not be queued; send it again")
        return _queued(message, end.reason, end.message)

    def _delivery(self, message: Message, now: datetime, *, is_direct: bool = False) -> Delivery:
        return Delivery(
            message=message,
            now=now,
            base_s=self._base_s,
            jitter=self._jitter(),
            minimum_age=self._minimum_age,
            is_direct=is_direct,
        )

    def _process(self, delivery: Delivery, time_left: TimeLeft) -> End:
        try:
            self._report.began(delivery.message, delivery.now)
            return self._reconcile(delivery, time_left)
        except Exception as error:  # noqa: BLE001  # a fault in one record must not affect the others
            self._report.failed(delivery.message, "pass", error)
            return self._effects.wait(delivery, Reason.INTERNAL_ERROR, type(error).__name__)

    def _reconcile(self, delivery: Delivery, time_left: TimeLeft) -> End:
        if time_left() < BEGIN_S:
            return self._effects.wait(delivery, Reason.OUT_OF_TIME, "too little time was left to begin")
        try:
            request = open_envelope(delivery.message.body, delivery.message.sent_at)
        except InvalidRequest as invalid:
            malformed = Refused(reason=Reason.MALFORMED, message=str(invalid))
            return self._effects.apply(delivery, None, malformed)
        target = request.target or self._default_target
        delivery = replace(delivery, target=target)
        if is_abandoned(delivery.message, delivery.now):
            abandoned = Parked(reason=Reason.INTERNAL_ERROR, message="no pass over its message was completed")
            return self._effects.apply(delivery, None if isinstance(request, Bulk) else request, abandoned)
        if isinstance(request, Bulk):
            return self._bulk.split(delivery, request)
        decision = self._reconciler.reconcile(Pass(request=request, delivery=delivery), target, time_left)
        return self._effects.apply(delivery, request, decision)


def _queued(message: Message, reason: Reason, detail: str) -> dict[str, Any]:
    return {
        "outcome": "queued",
        "reason": reason.value,
        "message": reason.with_detail(detail),
        "action": reason.action,
        "request_id": message.request_id,
    }
