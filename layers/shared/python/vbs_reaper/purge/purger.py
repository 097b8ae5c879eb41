"""One run of a purge: list everything, plan, store the plan, send what is due; or send a plan that a person approved.

A plan is written once per run, and sent whole until its mark is there: so a run may be killed anywhere and repeated.
An approval lists and plans again, and sends what both plans let go.
"""

from dataclasses import replace
from typing import Any
from typing import Final

import msgspec

from vbs_reaper.deletion.ports import Clock
from vbs_reaper.deletion.ports import TimeLeft
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan import plan as make_plan
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import BackupLists
from vbs_reaper.purge.ports import Bus
from vbs_reaper.purge.ports import Mark
from vbs_reaper.purge.ports import PlansBusy
from vbs_reaper.purge.ports import PlanStore
from vbs_reaper.purge.ports import Queue
from vbs_reaper.purge.ports import Report
from vbs_reaper.purge.run.approval import check_newest
from vbs_reaper.purge.run.approval import check_project
from vbs_reaper.purge.run.approval import find_approved
from vbs_reaper.purge.run.event import Approval
from vbs_reaper.purge.run.event import Run
from vbs_reaper.purge.run.event import policy_name_of
from vbs_reaper.purge.run.event import read_event
from vbs_reaper.purge.run.listing import list_inventory
from vbs_reaper.purge.run.listing import view_target
from vbs_reaper.purge.run.planning import PlannedRun
from vbs_reaper.purge.run.planning import check_age
from vbs_reaper.purge.run.planning import check_guards
from vbs_reaper.purge.run.planning import find_planned
from vbs_reaper.purge.run.planning import last_plan
from vbs_reaper.purge.run.planning import plan_anew
from vbs_reaper.purge.run.recheck import Recheck
from vbs_reaper.purge.run.recheck import check_shown
from vbs_reaper.purge.run.recheck import chosen_of
from vbs_reaper.purge.run.recheck import recheck
from vbs_reaper.purge.run.result import PURGE_DETAIL_TYPES
from vbs_reaper.purge.run.result import PurgeResult
from vbs_reaper.purge.run.result import already_sent
from vbs_reaper.purge.run.result import as_found
from vbs_reaper.purge.run.result import completed
from vbs_reaper.purge.run.result import name_of
from vbs_reaper.purge.run.result import planned
from vbs_reaper.purge.run.result import refused
from vbs_reaper.purge.run.sending import Unfinished
from vbs_reaper.purge.run.sending import send_plan

UNKNOWN_POLICY: Final = "unknown"
"""The policy of an event that names none."""


class Purger:
    """Carries out purge policies. Of the cloud it only asks; deletions are the deleter's."""

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
    ) -> None:
        self._backups = backups
        self._plans = plans
        self._queue = queue
        self._bus = bus
        self._report = report
        self._clock = clock
        self._default_target = default_target

    def handle(self, event: object, time_left: TimeLeft, invocation_id: str) -> dict[str, Any]:
        """Carry out one event and tell how it went; a refusal is an answer too.

        Raises:
            Unfinished: the run is to be repeated; nothing harmful comes of that.
        """
        policy, run = policy_name_of(event) or UNKNOWN_POLICY, invocation_id
        try:
            asked = read_event(event, self._default_target, invocation_id)
            if isinstance(asked, Run):
                run = asked.name
                result = self._run(asked, time_left)
            else:
                run = asked.plan
                result = self._approve(asked, time_left)
        except PlansBusy as fault:
            raise Unfinished(f"{name_of(policy, run)}: {fault}") from None
        except PurgeRefused as refusal:
            result = self._refuse(refused(refusal, policy, run))
        self._report.ended(result)
        answer: dict[str, Any] = msgspec.to_builtins(result)
        return answer

    def _run(self, run: Run, time_left: TimeLeft) -> PurgeResult:
        found = find_planned(self._plans, run)
        if found is not None:
            return as_found(self._carry_out(found, time_left), found.plan)
        inventory = list_inventory(self._backups, run.target, self._clock, time_left)
        found = plan_anew(self._plans, run, inventory, self._clock(), self._report.unreadable)
        return self._carry_out(found, time_left)

    def _carry_out(self, found: PlannedRun, time_left: TimeLeft) -> PurgeResult:
        if self._is_sent(found, with_grace=False):
            return already_sent(found.plan, found.run, with_grace=False)
        self._plans.draw(found.policy, found.run, found.plan)
        result = planned(found.plan, found.run)
        self._report.planned(result)
        self._publish(result)
        if found.plan.policy.mode == "preview":
            return result
        try:
            check_age(found.plan, self._clock())
            check_guards(found.plan)
            check_project(found.plan, view_target(self._backups, str(found.plan.policy.target), time_left))
        except PurgeRefused as refusal:
            return self._refuse(refused(refusal, found.policy, found.run, found.plan))
        everything_due = Recheck(rows=list(found.plan.due), left_out=None)
        return self._send(found, found.plan, everything_due, time_left, with_grace=False)

    def _approve(self, approval: Approval, time_left: TimeLeft) -> PurgeResult:
        found = find_approved(self._plans, approval, self._clock())
        if self._is_sent(found, with_grace=approval.include_grace):
            return already_sent(found.plan, found.run, with_grace=approval.include_grace)
        check_newest(self._plans, found.plan)
        check_project(found.plan, view_target(self._backups, str(found.plan.policy.target), time_left))
        chosen = chosen_of(found.plan, with_grace=approval.include_grace)
        # Without its backups: they may not fit into the memory beside the list, the last plan and the fresh one.
        found = replace(found, plan=replace(found.plan, backups=()))
        fresh = self._plan_afresh(found.plan.policy, time_left)
        checked = recheck(chosen, fresh, with_grace=approval.include_grace)
        check_shown(found.plan, fresh, checked.rows, with_grace=approval.include_grace)
        return self._send(found, fresh, checked, time_left, with_grace=approval.include_grace)

    def _plan_afresh(self, policy: PurgePolicy, time_left: TimeLeft) -> Plan:
        """Plan by a stored plan's policy as a run at this moment would; nothing is stored."""
        inventory = list_inventory(self._backups, str(policy.target), self._clock, time_left)
        now = self._clock()
        return make_plan(policy, inventory, now, last=last_plan(self._plans, policy, now, self._report.unreadable))

    def _send(
        self, found: PlannedRun, plan: Plan, checked: Recheck, time_left: TimeLeft, *, with_grace: bool
    ) -> PurgeResult:
        """Send what was checked, with the survivors of `plan`, in the name of the run that was found."""
        sent = send_plan(plan, checked.rows, found.run, self._queue, self._clock(), time_left)
        self._report.requested(found.policy, sent)
        result = completed(found.plan, found.run, sent, with_grace=with_grace, left_out=checked.left_out)
        # Before the mark: after it nobody would say it any more.
        self._publish(result)
        if not sent:
            return result
        mark = Mark.GRACE_SENT if with_grace else Mark.SENT
        try:
            self._plans.mark(found.policy, found.run, mark, msgspec.json.encode(result))
        except PurgeRefused as fault:
            # No refusal any more: everything was sent, and will be once more.
            raise Unfinished(f"{name_of(found.policy, found.run)} was sent; {fault}") from None
        return result

    def _is_sent(self, found: PlannedRun, *, with_grace: bool) -> bool:
        """Whether all that is to be sent was; a sending that cut the grace short held the due ones too."""
        if self._plans.is_marked(found.policy, found.run, Mark.GRACE_SENT):
            return True
        return not with_grace and self._plans.is_marked(found.policy, found.run, Mark.SENT)

    def _refuse(self, result: PurgeResult) -> PurgeResult:
        self._publish(result)
        return result

    def _publish(self, result: PurgeResult) -> None:
        if not self._bus.announce(PURGE_DETAIL_TYPES[result.outcome], [result]):
            raise Unfinished(f"{name_of(result.policy, result.run)}: {result.outcome.value} could not be published")
