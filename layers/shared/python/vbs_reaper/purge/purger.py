"""Runs a purge: lists all backups of a target, makes and stores a plan, and requests the deletions that are due.

If the event is the approval of a stored plan, the backups are listed and planned again. The deletion of a backup is
requested if both plans select it.

A run stores exactly one plan. Until a mark beside the plan records that all deletions were requested, a repeated run
requests them again: all of them, or those behind the last one of an invocation whose time was over. So a run can be
stopped at any point and repeated. A repeated run is sent as an approval of its plan would be: a plan that this
invocation did not make is input, which whoever can write to the plan store may have written.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.ports import BackupLists, HoldStore
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.errors import PlanStoreBusy, RunRefused, RunStopped, RunUnfinished
from vbs_reaper.purge.approval import check_place, find_approved
from vbs_reaper.purge.event import Approval, Run, policy_name_of, read_event
from vbs_reaper.purge.listing import ListedRows, StackLimits, describe_target, list_rows
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planning import (
    PlannedRun,
    check_age,
    check_guards,
    find_stored_plan,
    make_and_store_plan,
    make_plan,
)
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import Bus, PlanStore, Queue, Report, SentMark
from vbs_reaper.purge.recheck import (
    ApprovedBackups,
    Deletions,
    approved_backups,
    check_guards_again,
    compare_with_fresh_plan,
    deletions_due,
    summarize,
)
from vbs_reaper.purge.run_result import (
    PURGE_DETAIL_TYPES,
    PurgeOutcome,
    PurgeResult,
    already_sent,
    completed,
    name_of,
    planned,
    refused,
    with_ignored_marks,
    with_plan_time,
)
from vbs_reaper.purge.sending import LONGEST_LIFE, expiry_of_run, send_plan
from vbs_reaper.purge.sent_marks import Sending, add, read_sending
from vbs_reaper.purge.stored_holds import PlanHolds, check_not_stopped
from vbs_reaper.purge.superseded import check_newest, check_not_outdated

LOGIN_PATIENCE_S: Final = 60.0
"""How long a run waits for a login of the same user in another function: a run that cannot list is refused."""

UNKNOWN_POLICY: Final = "unknown"
"""The policy in the result of an event that does not name one."""


class Purger:
    """Carries out purge policies and approvals. It only reads from the cloud; backups are deleted by the deleter."""

    def __init__(
        self,
        *,
        backups: BackupLists,
        plans: PlanStore,
        queue: Queue,
        bus: Bus,
        report: Report,
        clock: Clock,
        default_target: str,
        holds: HoldStore,
        minimum_age: timedelta = timedelta(),
        memory_mb: int | None = None,
    ) -> None:
        """Available backups younger than `minimum_age` are kept. `memory_mb` is None if memory is not limited."""
        self._backups = backups
        self._plans = plans
        self._queue = queue
        self._bus = bus
        self._report = report
        self._clock = clock
        self._default_target = default_target
        self._holds = HoldCache(holds, clock)
        self._minimum_age = minimum_age
        self._memory_mb = memory_mb

    def handle(self, event: object, time_left: TimeLeft, invocation_id: str) -> dict[str, Any]:
        """Handle one event and return its result as JSON values. A refusal is a result too.

        Raises:
            RunUnfinished: the run could not be completed. Handle the same event again; repeating it is harmless.
        """
        policy, run = policy_name_of(event) or UNKNOWN_POLICY, invocation_id
        is_scheduled = False
        try:
            request = read_event(event, self._default_target, invocation_id)
            if isinstance(request, Run):
                run, is_scheduled = request.name, request.is_scheduled
                result = self._run(request, time_left)
            else:
                run = request.plan
                result = self._approve(request, time_left)
        except PlanStoreBusy as fault:
            raise RunUnfinished(f"{name_of(policy, run)}: {fault}") from None
        except RunRefused as refusal:
            result = self._refuse(refused(refusal, policy, run))
        self._report.ended(result)
        if is_scheduled:
            self._report.scheduled(policy)
        answer: dict[str, Any] = msgspec.to_builtins(result)
        return answer

    def _run(self, run: Run, time_left: TimeLeft) -> PurgeResult:
        stored = find_stored_plan(self._plans, run)
        is_repeat = stored is not None
        if stored is None:
            check_not_outdated(self._plans, run)
            stored = self._make_plan(run, time_left)
        sending = read_sending(self._plans, stored, with_grace=False)
        result = self._publish_plan(stored, sending)
        if result.outcome is PurgeOutcome.PLANNED and stored.plan.policy.mode == "purge":
            try:
                self._check_not_stopped(stored.policy, stored.run)
                check_age(stored.plan, self._clock())
                check_guards(stored.plan)
                check_not_outdated(self._plans, run)
                self._check_place_now(stored.plan, time_left)
                expires_at = expiry_of_run(stored.plan, self._clock())
                if stored.stored_at is not None:  # this invocation has not made the plan
                    approved = approved_backups(stored.plan, with_grace=False)
                    stored = stored.without_backups()  # frees their memory for the fresh list
                    fresh = self._make_fresh_plan(stored.plan.policy, time_left)
                    result = self._send_what_is_still_selected(
                        stored, fresh, approved, sending, expires_at, time_left, with_grace=False, is_approved=False
                    )
                else:
                    deletions = deletions_due(stored.plan)
                    result = self._send(
                        stored, stored.plan, deletions, sending, expires_at, time_left, with_grace=False
                    )
            except PlanStoreBusy:
                raise
            except RunRefused as refusal:
                result = self._refuse(refused(refusal, stored.policy, stored.run, stored.plan))
        return with_plan_time(result, stored.plan) if is_repeat else result

    def _make_plan(self, run: Run, time_left: TimeLeft) -> PlannedRun:
        holds = PlanHolds(self._holds, self._clock())
        listed = self._list(run.policy, holds, time_left)
        return make_and_store_plan(
            self._plans, run, listed, self._clock(), self._report.unreadable, warnings=holds.ending()
        )

    def _list(self, policy: PurgePolicy, holds: PlanHolds, time_left: TimeLeft) -> ListedRows:
        limits = StackLimits(find_hold=holds.find, minimum_age=self._minimum_age, memory_mb=self._memory_mb)
        return list_rows(self._backups, policy, self._clock, time_left, limits)

    def _check_not_stopped(self, policy: str, run: str, sent: int = 0) -> None:
        check_not_stopped(self._holds, self._clock, policy, run, sent)

    def _publish_plan(self, stored: PlannedRun, sending: Sending) -> PurgeResult:
        """Publish the plan, unless its deletions were requested before."""
        if sending.is_complete:
            return already_sent(stored.plan, stored.run, with_grace=False)
        self._plans.store_page(stored.policy, stored.run, stored.plan)
        result = planned(stored.plan, stored.run)
        self._report.planned(result)
        self._publish(result)
        return result

    def _approve(self, approval: Approval, time_left: TimeLeft) -> PurgeResult:
        with_grace = approval.include_grace
        stored = find_approved(self._plans, approval, self._clock())
        sending = read_sending(self._plans, stored, with_grace=with_grace)
        if sending.is_complete:
            return already_sent(stored.plan, stored.run, with_grace=with_grace)
        check_newest(self._plans, stored.plan, with_grace=with_grace)
        self._check_not_stopped(stored.policy, stored.run)
        self._check_place_now(stored.plan, time_left)
        approved = approved_backups(stored.plan, with_grace=with_grace)
        stored = stored.without_backups()
        expires_at = self._clock() + LONGEST_LIFE
        fresh = self._make_fresh_plan(stored.plan.policy, time_left)
        return self._send_what_is_still_selected(
            stored, fresh, approved, sending, expires_at, time_left, with_grace=with_grace, is_approved=True
        )

    def _send_what_is_still_selected(  # noqa: PLR0913  # each is a separate value
        self,
        stored: PlannedRun,
        fresh: Plan,
        approved: ApprovedBackups,
        sending: Sending,
        expires_at: datetime,
        time_left: TimeLeft,
        *,
        with_grace: bool,
        is_approved: bool,
    ) -> PurgeResult:
        """Request the deletions that the stored plan and a fresh one select."""
        # A plan may have been stored during the listing.
        check_newest(self._plans, stored.plan, with_grace=with_grace, is_approved=is_approved)
        check_place(stored.plan, fresh.project_id, fresh.endpoint)  # the target may have changed before the list began
        deletions = compare_with_fresh_plan(approved, fresh, with_grace=with_grace, done=sending.before.done)
        check_guards_again(stored.plan, fresh, deletions.backups, with_grace=with_grace)
        return self._send(stored, fresh, deletions, sending, expires_at, time_left, with_grace=with_grace)

    def _check_place_now(self, plan: Plan, time_left: TimeLeft) -> None:
        info = describe_target(self._backups, str(plan.policy.target), time_left)
        check_place(plan, info.project_id, info.address)

    def _make_fresh_plan(self, policy: PurgePolicy, time_left: TimeLeft) -> Plan:
        """List the backups and plan by a stored plan's policy, as a run would do now. The plan is not stored."""
        listed = self._list(policy, PlanHolds(self._holds, self._clock()), time_left)
        return make_plan(self._plans, policy, listed, self._clock(), self._report.unreadable)

    def _send(  # noqa: PLR0913  # each is a separate value
        self,
        stored: PlannedRun,
        plan: Plan,
        deletions: Deletions,
        sending: Sending,
        expires_at: datetime,
        time_left: TimeLeft,
        *,
        with_grace: bool,
    ) -> PurgeResult:
        """Request the deletions in the name of the stored run. The survivors in the requests are those of `plan`."""
        mark = SentMark.GRACE_SENT if with_grace else SentMark.SENT
        try:
            check = partial(self._check_not_stopped, stored.policy, stored.run)
            sent = send_plan(plan, deletions.backups, stored.run, self._queue, expires_at, time_left, check)
        except (RunUnfinished, RunStopped) as stopped:
            if stopped.requested:
                self._report.requested(stored.policy, stopped.requested)
                part = add(sending.before, stopped.requested, deletions.left_out_until(stopped.requested))
                with suppress(RunRefused):  # without it, the next invocation requests these once more
                    self._plans.mark(stored.policy, stored.run, mark, msgspec.json.encode(part), is_part=True)
            raise
        self._report.requested(stored.policy, sent)
        before = sending.before
        total = add(before, sent, summarize(deletions.left_out))
        # An earlier attempt that left backups out has published nothing about them.
        result = completed(
            stored.plan, stored.run, sent, with_grace=with_grace, left_out=total.left_out, before=before.requested
        )
        result = with_ignored_marks(result, sending.ignored)
        # Publish before writing the mark: a repeated run that finds the mark does not publish this event.
        self._publish(result)
        if total.requested:
            document = msgspec.structs.replace(result, requested=total.requested)
            self._mark(stored, mark, msgspec.json.encode(document))
        return result

    def _mark(self, stored: PlannedRun, mark: SentMark, document: bytes) -> None:
        try:
            self._plans.mark(stored.policy, stored.run, mark, document, is_part=False)
        except RunRefused as fault:
            # This is not a refusal: deletions were requested, and a repeated run requests them once more.
            name = name_of(stored.policy, stored.run)
            raise RunUnfinished(f"{name} was sent, but that could not be recorded: {fault}") from None

    def _refuse(self, result: PurgeResult) -> PurgeResult:
        self._publish(result)
        return result

    def _publish(self, result: PurgeResult) -> None:
        detail_type = PURGE_DETAIL_TYPES[result.outcome]
        if not self._bus.announce(detail_type, [result]):
            raise RunUnfinished(
                f'{name_of(result.policy, result.run)}: the event "{detail_type}" could not be published'
            )
