"""Bugs of the deleter."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from tests.simulation.planting import Original, instead_of, value
from vbs_reaper.backups.answer import Answer, AnswerName, TargetInfo
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.holds import Holds
from vbs_reaper.clouds.apis import cbr_v3, cinder_v3
from vbs_reaper.clouds.apis.interface import Call
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.clouds.http.deadline import Reply
from vbs_reaper.deletion import decide, deleter, reconcile
from vbs_reaper.deletion.circuit_breaker import CircuitBreaker
from vbs_reaper.deletion.decision import (
    Decision,
    Deleted,
    Halt,
    Pass,
    Refused,
    SendDelete,
    Unanswered,
    Wait,
)
from vbs_reaper.deletion.deleter import Deleter
from vbs_reaper.deletion.effects import Effects, Kept, Requeued
from vbs_reaper.deletion.message import Delivery
from vbs_reaper.deletion.result import Result
from vbs_reaper.errors import BucketUnusable
from vbs_reaper.reasons import Reason

value("a_copy_of_a_cache_is_an_answer", Reply, "age", None, seed=3)
value("a_listing_of_holds_of_any_age", reconcile, "HOLDS_VALID", timedelta(hours=1), seed=11)
value("an_observation_of_any_age", reconcile, "OBSERVATION_VALID", timedelta(hours=1), seed=6)
value("a_404_counts_at_any_place", Pass, "is_elsewhere", property(lambda _: False), seed=10)
value("any_404_is_gone", cinder_v3, "_name_not_found", lambda *_: AnswerName.GONE, seed=3)
value("a_message_is_not_hidden", Deleter, "_hide", lambda *_: None, seed=1)
value("dead_letter_after_acknowledging", Effects, "_dead_letter", lambda *_: True, seed=1)
value("a_halt_is_forgotten", CircuitBreaker, "halt", lambda *_, **__: None, seed=1)
value("survivors_not_observed", reconcile._PassRun, "_observe_survivors", lambda *_: SendDelete(), seed=1)
value("a_stop_has_no_effect", Holds, "on_run", lambda *_: None, seed=15)
value("asked_message_lost", Effects, "_requeue", lambda *_: Requeued(Reason.ACCEPTED), seed=1)
value("the_first_404_is_enough", decide, "is_overdue", lambda *_: True, seed=1)
value("a_halted_delete_is_sent", reconcile._PassRun, "_ask_to_delete", lambda *_: None, seed=1)


@instead_of(reconcile, "after_delete", seed=1)
def acknowledge_before_the_proof(original: Original, this: Pass, answer: Answer) -> object:
    return Deleted(proof=answer) if answer.name is AnswerName.ACCEPTED else original(this, answer)


@instead_of(Effects, "wait", seed=4)
def a_default_done(_: Original, self: Effects, delivery: Delivery, reason: Reason, *__: object) -> object:
    """Messages without an explicit result are acknowledged."""
    return Requeued(reason)


@instead_of(Effects, "_dead_letter", seed=4)
def acknowledge_although_the_dead_letter_failed(original: Original, *parts: object) -> object:
    original(*parts)
    return True


@instead_of(decide, "_after_deletable", seed=1)
def hold_read_before_a_second_delete_only(
    original: Original, this: Pass, backup: Backup, target: TargetInfo, looked_at: datetime
) -> object:
    if this.message.asked_at is None:
        metadata: dict[str, Any] | msgspec.UnsetType = {} if isinstance(backup.metadata, dict) else msgspec.UNSET
        backup = msgspec.structs.replace(backup, description="", metadata=metadata)
    return original(this, backup, target, looked_at)


@instead_of(decide, "_after_deletable", seed=1)
def expectation_skipped_on_a_repeat(original: Original, this: Pass, *parts: object) -> object:
    step = original(this, *parts)
    is_repeat = this.message.receive_count > 1 or this.message.asked_at is not None
    skips = is_repeat and isinstance(step, Refused) and step.reason is Reason.EXPECTATION_FAILED
    return SendDelete() if skips else step


@instead_of(Effects, "_requeue", seed=1)
def asked_message_sent_but_the_old_one_kept(original: Original, *parts: object) -> object:
    end = original(*parts)
    return Kept(60, Reason.ACCEPTED, "") if isinstance(end, Requeued) else end


@instead_of(reconcile.Reconciler, "reconcile", seed=1)
def a_halt_that_refuses(original: Original, *parts: object) -> object:
    found = original(*parts)
    return Refused(reason=found.reason, message=found.message) if isinstance(found, Halt) else found


@instead_of(HoldCache, "current", seed=2)
def deletes_go_on_while_the_holds_are_unreadable(original: Original, cache: HoldCache, valid: timedelta) -> object:
    try:
        return original(cache, valid)
    except BucketUnusable:
        return Holds([], cache._clock())


@instead_of(Effects, "_publish", seed=3)
def an_end_that_is_not_published(original: Original, *parts: object) -> object:
    original(*parts)
    return True


@instead_of(Effects, "_publish", seed=2)
def an_end_under_a_new_id_each_time(original: Original, self: Effects, delivery: Delivery, result: Result) -> object:
    renamed = msgspec.structs.replace(result, id=f"{result.id}-{delivery.message.receive_count}")
    return original(self, delivery, renamed)


@instead_of(deleter, "read_message", seed=2)
def every_sender_is_believed(original: Original, record: Mapping[str, Any], now: datetime, _: object) -> object:
    return original(record, now)


@instead_of(reconcile, "after_pass", seed=2)
def every_lost_answer_is_recorded(_: Original, this: Pass, decision: Decision) -> object:
    if not isinstance(decision, Wait | Halt) or not this.is_unanswered or this.target is None:
        return decision
    return Unanswered(wait=decision, place=this.target.place, volume_id=this.volume_id)


@instead_of(CloudClient, "_confirm", seed=1)
def a_404_of_cbr_needs_no_confirmation(_: Original, client: CloudClient, answer: Answer, *__: object) -> object:
    return replace(answer, name=AnswerName.GONE) if answer.name is AnswerName.MAYBE_GONE else answer


@instead_of(cbr_v3, "_judge_list", seed=4)
def a_list_with_an_ignored_filter_confirms(_: Original, call: Call, body: bytes) -> object:
    return (AnswerName.UNEXPECTED if (call.backup_id or "").encode() in body else AnswerName.GONE), ""
