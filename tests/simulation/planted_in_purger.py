"""Bugs of the purger."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
from msgspec import UNSET

from tests.simulation.planting import Original, instead_of, value
from vbs_reaper.backups.answer import Answer
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.deletion import decision
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.purge import planning, purger, sending
from vbs_reaper.purge.grace_proof import UnprovenGraces
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planning import PlannedRun
from vbs_reaper.purge.ports import PlanStore, Queue, SentMark
from vbs_reaper.purge.purger import Purger
from vbs_reaper.purge.recheck import ApprovedBackups, Deletions
from vbs_reaper.purge.rules.selection import Selection
from vbs_reaper.purge.rules.survivors import Survivors
from vbs_reaper.purge.stored_holds import PlanHolds
from vbs_reaper.reasons import Reason

value("superseded_becomes_a_dead_letter", decision, "SUPERSEDED_REASONS", frozenset(), seed=633)
value("an_old_plan_is_sent", planning, "PLAN_LIFE", timedelta(days=365), seed=183)
value("holds_of_the_bucket_not_planned", PlanHolds, "find", lambda *_: None, seed=57)
value("guards_not_checked", purger, "check_guards", lambda *_: None, seed=15)
value(
    "a_forged_last_plan_ends_a_grace",
    planning,
    "restart_unproven_graces",
    lambda *_: UnprovenGraces(rows=(), why=""),
    seed=417,
)


@instead_of(sending, "_expectation", seed=3)
def survivors_not_sent_along(original: Original, *parts: object) -> object:
    return msgspec.structs.replace(original(*parts), survivors=UNSET)


@instead_of(sending, "_expectation", seed=3)
def status_not_sent_along(original: Original, *parts: object) -> object:
    return msgspec.structs.replace(original(*parts), status=UNSET)


@instead_of(Survivors, "of", seed=3)
def only_the_newest_must_survive(original: Original, *parts: object) -> object:
    return original(*parts)[-1:]


@instead_of(Purger, "_send", seed=3)
def mark_before_sending(
    original: Original, self: Purger, stored: PlannedRun, *parts: object, with_grace: bool
) -> object:
    totals = stored.plan.totals
    requested = totals.selected if with_grace else totals.due
    record = msgspec.json.encode({"plan": stored.plan.sha256, "requested": requested})
    mark = SentMark.GRACE_SENT if with_grace else SentMark.SENT
    self._plans.mark(stored.policy, stored.run, mark, record, is_part=False)
    return original(self, stored, *parts, with_grace=with_grace)


@instead_of(Selection, "_read", seed=3)
def a_held_backup_is_selected(original: Original, *parts: object) -> object:
    planned = original(*parts)
    if planned.reasons == (Reason.HELD,):
        planned.reasons = ()
    return planned


@instead_of(CloudClient, "list_backups", seed=27)
def a_list_cut_short_is_planned_on(original: Original, *parts: object, **named: object) -> object:
    for place, page in enumerate(original(*parts, **named)):
        if place and isinstance(page, Answer):
            return
        yield page


@instead_of(purger, "read_sending", seed=24)
def a_hash_used_again_sends_again(original: Original, *parts: object, **named: object) -> object:
    return replace(original(*parts, **named), is_complete=False)


@instead_of(purger, "read_sending", seed=39)
def a_mark_of_any_writer_counts(
    original: Original, plans: PlanStore, stored: PlannedRun, *, with_grace: bool
) -> object:
    asked = {SentMark.GRACE_SENT, SentMark.GRACE_SENT if with_grace else SentMark.SENT}
    there = {mark.mark for mark in plans.marks(stored.policy, stored.run) if not mark.is_part}
    return replace(original(plans, stored, with_grace=with_grace), is_complete=bool(asked & there))


@instead_of(purger, "send_plan", seed=330)
def a_batch_that_failed_is_forgotten(
    original: Original, plan: Plan, rows: object, run: str, queue: Queue, *parts: object, **named: object
) -> object:
    return original(plan, rows, run, Forgetful(queue), *parts, **named)


class Forgetful:
    """A queue that reports every batch as stored."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def send(self, messages: Sequence[NewMessage]) -> bool:
        self._queue.send(messages)
        return True


@instead_of(purger, "compare_with_fresh_plan", seed=39)
def an_approval_ignores_what_is_kept_now(
    _: Original, approved: ApprovedBackups, fresh: Plan, *, with_grace: bool, done: int
) -> object:
    known = list(approved.identities)[done:]
    return Deletions(backups=[row for row in fresh.backups if row.id in known], order=iter(known))
