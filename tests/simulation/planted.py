"""Bugs that this software must never have, planted one at a time: the judge has to find each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from msgspec import UNSET

from tests.simulation.planted_in_purger import PURGER_BUGS
from vbs_reaper.backups.answer import Answer, AnswerName, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.holds import Holds
from vbs_reaper.clock import TimeLeft
from vbs_reaper.clouds.apis import cbr_v3, cinder_v3 as answers
from vbs_reaper.clouds.apis.interface import Call
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.deadline import Reply
from vbs_reaper.deletion import decide, deleter, reconcile
from vbs_reaper.deletion.circuit_breaker import CircuitBreaker
from vbs_reaper.deletion.decision import (
    Asked,
    Decision,
    Deleted,
    Halt,
    Pass,
    PassEnd,
    Refused,
    SendDelete,
    Step,
    Unanswered,
    Wait,
)
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.effects import Effects, End, Kept, Requeued
from vbs_reaper.deletion.message import Delivery, Message, NewMessage, read_message
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import Result
from vbs_reaper.errors import BucketUnusable
from vbs_reaper.reasons import Reason

Plant = Callable[[pytest.MonkeyPatch], None]


def acknowledge_before_the_proof(patch: pytest.MonkeyPatch) -> None:
    original = decide.after_delete

    def after_delete(this: Pass, answer: Answer) -> Decision | Step:
        return Deleted(proof=answer) if answer.name is AnswerName.ACCEPTED else original(this, answer)

    patch.setattr(reconcile, "after_delete", after_delete)


def any_404_is_gone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers, "_name_not_found", lambda *_: AnswerName.GONE)


def a_copy_of_a_cache_is_an_answer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reply, "age", None)


def a_default_done(patch: pytest.MonkeyPatch) -> None:
    """What the deleter says nothing else about counts as done."""

    def wait(
        self: Effects, delivery: Delivery, reason: Reason, words: str, request: DeleteRequest | None = None
    ) -> End:
        return Requeued(reason)

    patch.setattr(Effects, "wait", wait)


def hide_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Deleter, "_hide", lambda *_: None)


def dead_letter_after_acknowledging(patch: pytest.MonkeyPatch) -> None:
    original, handle = Effects._dead_letter, Deleter.handle  # noqa: SLF001  # what is to be broken
    waiting: deque[Callable[[], bool]] = deque()

    def dead_letter(self: Effects, delivery: Delivery, result: Result) -> bool:
        waiting.append(lambda: original(self, delivery, result))
        return True

    def handle_later(
        self: Deleter, event: Mapping[str, Any], time_left: TimeLeft, invocation_id: str
    ) -> dict[str, Any]:
        waiting.clear()  # the environment was killed in between: nothing is left
        return handle(self, event, time_left, invocation_id)

    patch.setattr(Effects, "_dead_letter", dead_letter)
    patch.setattr(Deleter, "handle", handle_later)


def acknowledge_although_the_dead_letter_failed(patch: pytest.MonkeyPatch) -> None:
    original = Effects._dead_letter  # noqa: SLF001

    def dead_letter(self: Effects, delivery: Delivery, result: Result) -> bool:
        original(self, delivery, result)
        return True

    patch.setattr(Effects, "_dead_letter", dead_letter)


def hold_read_before_a_second_delete_only(patch: pytest.MonkeyPatch) -> None:
    original = decide._after_deletable  # noqa: SLF001

    def after_deletable(this: Pass, backup: Backup, target: TargetInfo, looked_at: datetime) -> Decision | Step:
        if this.message.asked_at is None:
            metadata: dict[str, Any] | msgspec.UnsetType = {} if isinstance(backup.metadata, dict) else UNSET
            backup = msgspec.structs.replace(backup, description="", metadata=metadata)
        return original(this, backup, target, looked_at)

    patch.setattr(decide, "_after_deletable", after_deletable)


def expectation_skipped_on_a_repeat(patch: pytest.MonkeyPatch) -> None:
    original = decide._after_deletable  # noqa: SLF001

    def after_deletable(this: Pass, backup: Backup, target: TargetInfo, looked_at: datetime) -> Decision | Step:
        step = original(this, backup, target, looked_at)
        is_repeat = this.message.receive_count > 1 or this.message.asked_at is not None
        skips = is_repeat and isinstance(step, Refused) and step.reason is Reason.EXPECTATION_FAILED
        return SendDelete() if skips else step

    patch.setattr(decide, "_after_deletable", after_deletable)


def asked_message_sent_but_the_old_one_kept(patch: pytest.MonkeyPatch) -> None:
    original = Effects._requeue  # noqa: SLF001

    def ask_anew(self: Effects, delivery: Delivery, request: DeleteRequest | None, asked: Asked) -> End:
        end = original(self, delivery, request, asked)
        return Kept(60, Reason.ACCEPTED, "") if isinstance(end, Requeued) else end

    patch.setattr(Effects, "_requeue", ask_anew)


def a_halt_that_refuses(patch: pytest.MonkeyPatch) -> None:
    original = reconcile.Reconciler.reconcile

    def make(self: reconcile.Reconciler, this: Pass, target: str, time_left: TimeLeft) -> PassEnd:
        found = original(self, this, target, time_left)
        return Refused(reason=found.reason, message=found.message) if isinstance(found, Halt) else found

    patch.setattr(reconcile.Reconciler, "reconcile", make)


def a_halt_that_nobody_remembers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(CircuitBreaker, "halt", lambda *_, **__: None)


def survivors_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile._PassRun, "_observe_survivors", lambda *_: SendDelete())


def a_listing_of_holds_of_any_age(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile, "HOLDS_VALID", timedelta(hours=1))


def deletes_go_on_while_the_holds_are_unreadable(patch: pytest.MonkeyPatch) -> None:
    original = HoldCache.current

    def current(self: HoldCache, not_older_than: timedelta) -> Holds:
        try:
            return original(self, not_older_than)
        except BucketUnusable:
            return Holds([], self._clock())  # noqa: SLF001

    patch.setattr(HoldCache, "current", current)


def a_stop_stops_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Holds, "on_run", lambda *_: None)


def a_look_of_any_age(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile, "OBSERVATION_VALID", timedelta(hours=1))


def asked_message_lost(patch: pytest.MonkeyPatch) -> None:
    def ask_anew(self: Effects, delivery: Delivery, request: DeleteRequest | None, asked: Asked) -> End:
        NewMessage(body=delivery.message.body)  # made, and not sent
        return Requeued(Reason.ACCEPTED)

    patch.setattr(Effects, "_requeue", ask_anew)


def an_end_nobody_heard(patch: pytest.MonkeyPatch) -> None:
    original = Effects._publish  # noqa: SLF001

    def publish(self: Effects, delivery: Delivery, result: Result) -> bool:
        original(self, delivery, result)
        return True

    patch.setattr(Effects, "_publish", publish)


def an_end_under_a_new_id_each_time(patch: pytest.MonkeyPatch) -> None:
    original = Effects._publish  # noqa: SLF001

    def publish(self: Effects, delivery: Delivery, result: Result) -> bool:
        renamed = msgspec.structs.replace(result, id=f"{result.id}-{delivery.message.receive_count}")
        return original(self, delivery, renamed)

    patch.setattr(Effects, "_publish", publish)


def a_404_counts_at_any_place(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Pass, "is_elsewhere", property(lambda _: False))


def every_sender_is_believed(patch: pytest.MonkeyPatch) -> None:
    def read(record: Mapping[str, Any], now: datetime, _: object = None) -> Message:
        return read_message(record, now)

    patch.setattr(deleter, "read_message", read)


def the_first_404_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "is_overdue", lambda *_: True)


def every_lost_answer_is_recorded(patch: pytest.MonkeyPatch) -> None:
    def after_pass(this: Pass, decision: Decision) -> PassEnd:
        is_lost = isinstance(decision, Wait | Halt) and this.is_unanswered and this.target is not None
        if not is_lost:
            return decision
        return Unanswered(wait=decision, place=this.target.place, volume_id=this.volume_id)  # type: ignore[arg-type, union-attr]

    patch.setattr(reconcile, "after_pass", after_pass)


def a_halted_delete_is_sent_all_the_same(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile._PassRun, "_ask_to_delete", lambda *_: None)


def a_404_of_cbr_needs_no_confirmation(patch: pytest.MonkeyPatch) -> None:
    def confirm(_: CloudClient, answer: Answer, *__: object) -> Answer:
        return replace(answer, name=AnswerName.GONE) if answer.name is AnswerName.MAYBE_GONE else answer

    patch.setattr(CloudClient, "_confirm", confirm)


def a_list_with_an_ignored_filter_confirms(patch: pytest.MonkeyPatch) -> None:
    def judge_list(call: Call, body: bytes) -> tuple[AnswerName, str]:
        return (AnswerName.UNEXPECTED if (call.backup_id or "").encode() in body else AnswerName.GONE), ""

    patch.setattr(cbr_v3, "_judge_list", judge_list)


BUGS: Final[dict[str, Plant]] = {
    plant.__name__: plant
    for plant in (
        acknowledge_before_the_proof,
        any_404_is_gone,
        a_copy_of_a_cache_is_an_answer,
        a_default_done,
        hide_forgotten,
        dead_letter_after_acknowledging,
        acknowledge_although_the_dead_letter_failed,
        hold_read_before_a_second_delete_only,
        expectation_skipped_on_a_repeat,
        asked_message_sent_but_the_old_one_kept,
        a_halt_that_refuses,
        a_halt_that_nobody_remembers,
        survivors_not_looked_at,
        a_listing_of_holds_of_any_age,
        deletes_go_on_while_the_holds_are_unreadable,
        a_stop_stops_nothing,
        a_look_of_any_age,
        asked_message_lost,
        an_end_nobody_heard,
        an_end_under_a_new_id_each_time,
        a_404_counts_at_any_place,
        every_sender_is_believed,
        the_first_404_is_enough,
        every_lost_answer_is_recorded,
        a_halted_delete_is_sent_all_the_same,
        a_404_of_cbr_needs_no_confirmation,
        a_list_with_an_ignored_filter_confirms,
        *PURGER_BUGS,
    )
}


@contextmanager
def planted(bug: str) -> Iterator[None]:
    """The product with one bug in it, for a while."""
    with pytest.MonkeyPatch.context() as patch:
        BUGS[bug](patch)
        yield
