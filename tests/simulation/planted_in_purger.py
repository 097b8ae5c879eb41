"""Bugs of the purger, planted one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from vbs_reaper.backups.answer import Answer, Page
from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.clock import TimeLeft
from vbs_reaper.clouds.client import CloudClient
from vbs_reaper.deletion import decision
from vbs_reaper.deletion.request_json import ExpectationJson
from vbs_reaper.purge import approval, planning, purger, sending, sent_marks
from vbs_reaper.purge.grace_proof import UnprovenGraces
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.planning import PlannedRun
from vbs_reaper.purge.ports import SentMark, StoredMark
from vbs_reaper.purge.purger import Purger
from vbs_reaper.purge.recheck import ApprovedBackups, Deletions
from vbs_reaper.purge.rules.selection import Selection
from vbs_reaper.purge.rules.survivors import Survivors
from vbs_reaper.purge.run_result import PurgeResult
from vbs_reaper.purge.sent_marks import Sending, SentRecord, read_sending
from vbs_reaper.purge.stored_holds import PlanHolds
from vbs_reaper.reasons import Reason


def survivors_not_sent_along(patch: pytest.MonkeyPatch) -> None:
    original = sending._expectation  # noqa: SLF001

    def expectation(row: PlannedBackup, survivors: tuple[str, ...]) -> ExpectationJson:
        return msgspec.structs.replace(original(row, survivors), survivors=UNSET)

    patch.setattr(sending, "_expectation", expectation)


def only_the_newest_must_survive(patch: pytest.MonkeyPatch) -> None:
    original = Survivors.of
    patch.setattr(Survivors, "of", lambda self, row: original(self, row)[-1:])


def status_not_sent_along(patch: pytest.MonkeyPatch) -> None:
    original = sending._expectation  # noqa: SLF001

    def expectation(row: PlannedBackup, survivors: tuple[str, ...]) -> ExpectationJson:
        return msgspec.structs.replace(original(row, survivors), status=UNSET)

    patch.setattr(sending, "_expectation", expectation)


def superseded_becomes_a_dead_letter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decision, "SUPERSEDED_REASONS", frozenset())


def mark_before_sending(patch: pytest.MonkeyPatch) -> None:
    original = Purger._send  # noqa: SLF001

    def send(self: Purger, stored: PlannedRun, *parts: Any, with_grace: bool) -> PurgeResult:  # noqa: ANN401
        totals = stored.plan.totals
        requested = totals.selected if with_grace else totals.due
        record = msgspec.json.encode({"plan": stored.plan.sha256, "requested": requested})
        mark = SentMark.GRACE_SENT if with_grace else SentMark.SENT
        self._plans.mark(stored.policy, stored.run, mark, record, is_part=False)
        return original(self, stored, *parts, with_grace=with_grace)

    patch.setattr(Purger, "_send", send)


def hold_not_looked_at_in_selection(patch: pytest.MonkeyPatch) -> None:
    original = Selection._read  # noqa: SLF001

    def read(self: Selection, backup: Backup) -> PlannedBackup:
        planned = original(self, backup)
        if planned.reasons == (Reason.HELD,):
            planned.reasons = ()
        return planned

    patch.setattr(Selection, "_read", read)


def holds_of_the_bucket_not_planned(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(PlanHolds, "find", lambda *_: None)


def guards_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(purger, "check_guards", lambda _: None)


def a_list_cut_short_is_planned_on(patch: pytest.MonkeyPatch) -> None:
    original = CloudClient.list_backups

    def list_backups(
        self: CloudClient,
        target: str,
        time_left: TimeLeft,
        project_id: ProjectId | None = None,
        address: str | None = None,
    ) -> Iterator[Page | Answer]:
        for place, page in enumerate(original(self, target, time_left, project_id, address)):
            if place and isinstance(page, Answer):
                return
            yield page

    patch.setattr(CloudClient, "list_backups", list_backups)


def an_old_plan_is_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approval, "check_age", lambda *_: None)
    patch.setattr(purger, "check_age", lambda *_: None)


def a_hash_used_again_sends_again(patch: pytest.MonkeyPatch) -> None:
    original = read_sending

    def read(*parts: Any, **options: Any) -> Sending:  # noqa: ANN401
        return replace(original(*parts, **options), is_complete=False)

    patch.setattr(purger, "read_sending", read)


def a_batch_that_failed_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    original = Purger.__init__

    class Forgetful:
        def __init__(self, queue: Any) -> None:  # noqa: ANN401
            self._queue = queue

        def send(self, messages: Any) -> bool:  # noqa: ANN401
            self._queue.send(messages)
            return True

    def init(self: Purger, **parts: Any) -> None:  # noqa: ANN401
        original(self, **(parts | {"queue": Forgetful(parts["queue"])}))

    patch.setattr(Purger, "__init__", init)


def an_approval_does_not_look_at_what_is_kept_by_now(patch: pytest.MonkeyPatch) -> None:
    def compare(approved: ApprovedBackups, fresh: Plan, *, with_grace: bool, done: int) -> Deletions:
        known = list(approved.identities)[done:]
        return Deletions(backups=[row for row in fresh.backups if row.id in known], order=iter(known))

    patch.setattr(purger, "compare_with_fresh_plan", compare)


def a_mark_of_anybody_counts(patch: pytest.MonkeyPatch) -> None:
    original = sent_marks._read  # noqa: SLF001

    def read(mark: StoredMark, stored: PlannedRun) -> SentRecord | None:
        return original(mark, stored) if mark.is_part else SentRecord(plan=str(stored.plan.sha256), requested=1)

    patch.setattr(sent_marks, "_read", read)
    patch.setattr(
        purger,
        "read_sending",
        lambda plans, stored, **options: read_sending(
            plans, replace(stored, stored_at=stored.stored_at or datetime.now(UTC)), **options
        ),
    )


def a_grace_ends_by_the_word_of_the_last_plan(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(planning, "restart_unproven_graces", lambda *_: UnprovenGraces(rows=(), why=""))


PURGER_BUGS = (
    survivors_not_sent_along,
    only_the_newest_must_survive,
    status_not_sent_along,
    superseded_becomes_a_dead_letter,
    mark_before_sending,
    hold_not_looked_at_in_selection,
    holds_of_the_bucket_not_planned,
    guards_not_asked,
    a_list_cut_short_is_planned_on,
    an_old_plan_is_sent,
    a_hash_used_again_sends_again,
    a_batch_that_failed_is_forgotten,
    an_approval_does_not_look_at_what_is_kept_by_now,
    a_mark_of_anybody_counts,
    a_grace_ends_by_the_word_of_the_last_plan,
)
