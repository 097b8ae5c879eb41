"""Bugs of the purger, planted one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import Expectation
from vbs_reaper.openstack.answer import Answer
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.backup import ProjectId
from vbs_reaper.openstack.backup_api import BackupApi
from vbs_reaper.openstack.calls.page import Page
from vbs_reaper.purge import purger
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.ports import Mark
from vbs_reaper.purge.purger import Purger
from vbs_reaper.purge.run import approval
from vbs_reaper.purge.run import sending
from vbs_reaper.purge.run.planning import PlannedRun
from vbs_reaper.purge.run.recheck import Chosen
from vbs_reaper.purge.run.recheck import Recheck
from vbs_reaper.purge.run.result import PurgeResult
from vbs_reaper.purge.verdict.selection import Selection


def survivors_not_sent_along(patch: pytest.MonkeyPatch) -> None:
    original = sending._expectation  # noqa: SLF001

    def expectation(row: PlannedBackup, survivors: tuple[str, ...]) -> Expectation:
        return msgspec.structs.replace(original(row, survivors), survivors=UNSET)

    patch.setattr(sending, "_expectation", expectation)


def mark_before_sending(patch: pytest.MonkeyPatch) -> None:
    original = Purger._send  # noqa: SLF001

    def send(  # noqa: PLR0913  # as it is
        self: Purger, found: PlannedRun, plan: Plan, checked: Recheck, time_left: TimeLeft, *, with_grace: bool
    ) -> PurgeResult:
        self._plans.mark(found.policy, found.run, Mark.GRACE_SENT if with_grace else Mark.SENT, b"{}")
        return original(self, found, plan, checked, time_left, with_grace=with_grace)

    patch.setattr(Purger, "_send", send)


def hold_not_looked_at_in_selection(patch: pytest.MonkeyPatch) -> None:
    original = Selection.read

    def read(self: Selection, backup: Backup) -> PlannedBackup:
        planned = original(self, backup)
        if planned.reasons == (Reason.HELD,):
            planned.reasons = ()
        return planned

    patch.setattr(Selection, "read", read)


def guards_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(purger, "check_guards", lambda _: None)


def a_list_cut_short_is_planned_on(patch: pytest.MonkeyPatch) -> None:
    original = BackupApi.list_backups

    def list_backups(
        self: BackupApi,
        target: str,
        time_left: TimeLeft,
        project_id: ProjectId | None = None,
        address: str | None = None,
    ) -> Iterator[Page | Answer]:
        for place, page in enumerate(original(self, target, time_left, project_id, address)):
            if place and isinstance(page, Answer):
                return
            yield page

    patch.setattr(BackupApi, "list_backups", list_backups)


def an_old_plan_is_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(approval, "check_age", lambda *_: None)
    patch.setattr(purger, "check_age", lambda *_: None)


def a_hash_used_again_sends_again(patch: pytest.MonkeyPatch) -> None:
    def is_sent(*_: Any, **__: Any) -> bool:  # noqa: ANN401
        return False

    patch.setattr(Purger, "_is_sent", is_sent)


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
    def recheck(chosen: Chosen, fresh: Plan, *, with_grace: bool) -> Recheck:
        return Recheck(rows=[row for row in fresh.backups if row.id in chosen], left_out=None)

    patch.setattr(purger, "recheck", recheck)


PURGER_BUGS = (
    survivors_not_sent_along,
    mark_before_sending,
    hold_not_looked_at_in_selection,
    guards_not_asked,
    a_list_cut_short_is_planned_on,
    an_old_plan_is_sent,
    a_hash_used_again_sends_again,
    a_batch_that_failed_is_forgotten,
    an_approval_does_not_look_at_what_is_kept_by_now,
)
