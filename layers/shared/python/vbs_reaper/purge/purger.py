"""Runs a purge: lists all backups of a target, makes and stores a plan, and requests the deletions that are due.

If the event is the approval of a stored plan, the backups are listed and planned again. The deletion of a backup is
requested if both plans select it.

A run stores exactly one plan. Until a mark beside the plan records that all deletions were requested, a repeated run
requests all of them again. So a run can be stopped at any point and repeated. If it is repeated more than an hour after
its plan was made, it is sent as an approval of that plan would be.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.ports import BackupLists, HoldStore
from vbs_reaper.clock import Clock, TimeLeft
from vbs_reaper.errors import PlanStoreBusy, RunRefused, RunUnfinished
from vbs_reaper.purge.approval import check_newest, check_place, find_approved
from vbs_reaper.purge.calendar.zone import to_datetime
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
    Deletions,
    approved_backups,
    check_guards_again,
    check_only_copies_again,
    compare_with_fresh_plan,
)
from vbs_reaper.purge.rules.only_copies import volumes_left_without
from vbs_reaper.purge.run_result import (
    PURGE_DETAIL_TYPES,
    PurgeResult,
    already_sent,
    completed,
    name_of,
    planned,
    refused,
    with_plan_time,
)
from vbs_reaper.purge.sending import LONGEST_LIFE, expiry_of_run, send_plan
from vbs_reaper.purge.stored_holds import PlanHolds, check_not_stopped

LOGIN_PATIENCE_S: Final = 60.0
"""How long a run waits for a login of the same user in another function: a run that cannot list is refused."""

SENT_UNSEEN: Final = timedelta(hours=1)
"""Until this age the plan of a repeated run is sent as it is, later as an approved plan: backups may have changed."""

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
        try:
            request = read_event(event, self._default_target, invocation_id)
            if isinstance(request, Run):
                run = request.name
                result = self._run(request, time_left)
            else:
                run = request.plan
                result = self._approve(request, time_left)
        except PlanStoreBusy as fault:
            raise RunUnfinished(f"{name_of(policy, run)}: {fault}") from None
        except RunRefused as refusal:
            result = self._refuse(refused(refusal, policy, run))
        self._report.ended(result)
        answer: dict[str, Any] = msgspec.to_builtins(result)
        return answer

    def _run(self, run: Run, time_left: TimeLeft) -> PurgeResult:
        stored = find_stored_plan(self._plans, run)
        if stored is not None:
            result = self._publish_and_send(stored, time_left)
            return with_plan_time(result, stored.plan, listed_again=self._is_late(stored.plan))
        holds = PlanHolds(self._holds, self._clock())
        listed = self._list(run.policy, holds, time_left)
        stored = make_and_store_plan(
            self._plans, run, listed, self._clock(), self._report.unreadable, warnings=holds.ending()
        )
        return self._publish_and_send(stored, time_left)

    def _list(self, policy: PurgePolicy, holds: PlanHolds, time_left: TimeLeft) -> ListedRows:
        limits = StackLimits(find_hold=holds.find, minimum_age=self._minimum_age, memory_mb=self._memory_mb)
        return list_rows(self._backups, policy, self._clock, time_left, limits)

    def _check_not_stopped(self, policy: str, run: str, sent: int = 0) -> None:
        check_not_stopped(self._holds, self._clock, policy, run, sent)

    def _publish_and_send(self, stored: PlannedRun, time_left: TimeLeft) -> PurgeResult:
        """Publish the plan and, unless it is a preview or refused, request the deletions that are due."""
        if self._is_sent(stored, with_grace=False):
            return already_sent(stored.plan, stored.run, with_grace=False)
        self._plans.store_page(stored.policy, stored.run, stored.plan)
        result = planned(stored.plan, stored.run)
        self._report.planned(result)
        self._publish(result)
        if stored.plan.policy.mode == "preview":
            return result
        try:
            check_age(stored.plan, self._clock())
            check_guards(stored.plan)
            self._check_not_stopped(stored.policy, stored.run)
            self._check_place_now(stored.plan, time_left)
            expires_at = expiry_of_run(stored.plan, self._clock())
            if self._is_late(stored.plan):
                return self._send_what_is_still_selected(stored, expires_at, time_left, with_grace=False)
        except RunRefused as refusal:
            return self._refuse(refused(refusal, stored.policy, stored.run, stored.plan))
        all_due = Deletions(backups=list(stored.plan.due), left_out=None)
        return self._send(stored, stored.plan, all_due, expires_at, time_left, with_grace=False)

    def _approve(self, approval: Approval, time_left: TimeLeft) -> PurgeResult:
        stored = find_approved(self._plans, approval, self._clock())
        if self._is_sent(stored, with_grace=approval.include_grace):
            return already_sent(stored.plan, stored.run, with_grace=approval.include_grace)
        check_newest(self._plans, stored.plan)
        self._check_not_stopped(stored.policy, stored.run)
        self._check_place_now(stored.plan, time_left)
        expires_at = self._clock() + LONGEST_LIFE
        with_grace = approval.include_grace
        return self._send_what_is_still_selected(stored, expires_at, time_left, with_grace=with_grace)

    def _is_late(self, plan: Plan) -> bool:
        """Whether the plan is too old to be sent without a look at the backups as they are now."""
        return self._clock() - to_datetime(plan.made_at) > SENT_UNSEEN

    def _send_what_is_still_selected(
        self, stored: PlannedRun, expires_at: datetime, time_left: TimeLeft, *, with_grace: bool
    ) -> PurgeResult:
        """List and plan again, and request the deletions that both plans select."""
        approved = approved_backups(stored.plan, with_grace=with_grace)
        shown_left_without = len(volumes_left_without(stored.plan.backups, lambda row: row.id in approved))
        # Drop the plan's backups, also for the callers, who hold the same plan: they may not fit into memory together
        # with the list and the fresh plan.
        if isinstance(stored.plan.backups, list):
            stored.plan.backups.clear()
        fresh = self._make_fresh_plan(stored.plan.policy, time_left)
        check_place(stored.plan, fresh.project_id, fresh.endpoint)  # the target may have changed before the list began
        deletions = compare_with_fresh_plan(approved, fresh, with_grace=with_grace)
        check_guards_again(stored.plan, fresh, deletions.backups, with_grace=with_grace)
        check_only_copies_again(fresh, deletions, shown_left_without)
        return self._send(stored, fresh, deletions, expires_at, time_left, with_grace=with_grace)

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
        expires_at: datetime,
        time_left: TimeLeft,
        *,
        with_grace: bool,
    ) -> PurgeResult:
        """Request the deletions in the name of the stored run. The survivors in the requests are those of `plan`."""
        is_stopped = partial(self._check_not_stopped, stored.policy, stored.run)
        sent = send_plan(plan, deletions.backups, stored.run, self._queue, expires_at, time_left, is_stopped)
        self._report.requested(stored.policy, sent)
        result = completed(stored.plan, stored.run, sent, with_grace=with_grace, left_out=deletions.left_out)
        # Publish before writing the mark: a repeated run that finds the mark does not publish this event.
        self._publish(result)
        if not sent:
            return result
        mark = SentMark.GRACE_SENT if with_grace else SentMark.SENT
        try:
            self._plans.mark(stored.policy, stored.run, mark, msgspec.json.encode(result))
        except RunRefused as fault:
            # This is not a refusal: all deletions were requested, and a repeated run requests them once more.
            name = name_of(stored.policy, stored.run)
            raise RunUnfinished(f"{name} was sent, but that could not be recorded: {fault}") from None
        return result

    def _is_sent(self, stored: PlannedRun, *, with_grace: bool) -> bool:
        """Whether the deletions were requested before. Requesting those in grace includes those that are due."""
        if self._plans.is_marked(stored.policy, stored.run, SentMark.GRACE_SENT):
            return True
        return not with_grace and self._plans.is_marked(stored.policy, stored.run, SentMark.SENT)

    def _refuse(self, result: PurgeResult) -> PurgeResult:
        self._publish(result)
        return result

    def _publish(self, result: PurgeResult) -> None:
        detail_type = PURGE_DETAIL_TYPES[result.outcome]
        if not self._bus.announce(detail_type, [result]):
            raise RunUnfinished(
                f'{name_of(result.policy, result.run)}: the event "{detail_type}" could not be published'
            )
