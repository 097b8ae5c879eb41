"""One run of the checker: checks targets in parallel, then logs, counts and publishes the reports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from vbs_reaper.backups.identifiers import TARGET
from vbs_reaper.checking.ports import ENABLED
from vbs_reaper.checking.target_check import TARGET_UNHEALTHY, TARGETS_LIMIT, TargetReport, unhealthy_event
from vbs_reaper.errors import InvalidCheck
from vbs_reaper.logs import fault_fields, logger
from vbs_reaper.reasons import Reason
from vbs_reaper.strict_json import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vbs_reaper.checking.ports import Bus, CheckMetrics, OwnSide, StackCheck
    from vbs_reaper.checking.target_check import TargetCheck
    from vbs_reaper.clock import TimeLeft

PARALLEL_CHECKS: Final = 5
"""How many targets are checked at the same time."""

_TargetName = Annotated[str, msgspec.Meta(pattern=rf"^{TARGET.pattern}\Z")]


class _CheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`scheduled_time` marks a check by the schedule, which checks every target that the alarms are about."""

    targets: Annotated[tuple[_TargetName, ...], msgspec.Meta(max_length=TARGETS_LIMIT)] = ()
    scheduled_time: str | None = None


class Checker:
    """Runs checks."""

    def __init__(
        self,
        *,
        check: TargetCheck,
        stack: StackCheck,
        bus: Bus,
        metrics: CheckMetrics,
        default_target: str,
        scheduled_policy: str | None,
    ) -> None:
        self._check = check
        self._stack = stack
        self._bus = bus
        self._metrics = metrics
        self._default_target = default_target
        self._scheduled_policy = scheduled_policy

    def handle(self, event: object, time_left: TimeLeft, check_id: str) -> dict[str, Any]:
        """Check the targets that the event names, or the default target; return `targets` and `own_side` as JSON.

        If the check of a target fails itself, that target is reported unhealthy and the others are not affected.

        Raises:
            InvalidCheck: the event does not have the expected form.
        """
        request = _read(event)
        targets = tuple(dict.fromkeys(request.targets)) or (self._default_target,)
        with ThreadPoolExecutor(PARALLEL_CHECKS) as threads:
            reports = list(threads.map(lambda target: self._report_on(target, time_left), targets))
        for report in reports:
            self._record(report)
        own_side = self._stack.check()
        for fault in own_side.faults:
            logger.error("own side incomplete", extra={"detail": fault})
        if own_side.deleter is not None:
            self._metrics.deleter_is(enabled=own_side.deleter == ENABLED)
        if request.scheduled_time is not None:
            self._record_schedule(reports, own_side)
        unhealthy = [event for report in reports if (event := unhealthy_event(report, check_id))]
        published = not unhealthy or self._bus.announce(TARGET_UNHEALTHY, unhealthy)
        return _as_json({"targets": reports, "own_side": own_side, "published": published})

    def _report_on(self, target: str, time_left: TimeLeft) -> TargetReport:
        try:
            return self._check.check(target, time_left)
        except Exception as error:  # noqa: BLE001  # a fault in one check must not lose the other reports
            return _failed(target, error)

    def _record_schedule(self, reports: Sequence[TargetReport], own_side: OwnSide) -> None:
        """Record what only the schedule may: a check by hand of one target says nothing about the others."""
        unhealthy = sum(report.healthy is False for report in reports)
        self._metrics.scheduled_check(stack_faults=len(own_side.faults), unhealthy_targets=unhealthy)
        if self._scheduled_policy is not None:
            self._metrics.scheduled_runs(self._scheduled_policy, 0)

    def _record(self, report: TargetReport) -> None:
        if report.healthy is not None:
            self._metrics.target_is(report.target, report.healthy)
        log = logger.info if report.healthy else logger.warning
        fields = _as_json(report)
        if "message" in fields:  # in a log line, "message" is the fixed phrase
            fields["detail"] = fields.pop("message")
        log("target checked", extra=fields)


def _failed(target: str, error: Exception) -> TargetReport:
    """Report a target whose check raised. Only the exception's type is shown: its text may contain a secret."""
    logger.error("check failed", extra={"target": target, **fault_fields(error)})
    return TargetReport(
        target=target,
        healthy=False,
        reason=Reason.INTERNAL_ERROR.value,
        message=f'target "{target}": its check failed with {type(error).__name__}',
        action=Reason.INTERNAL_ERROR.action,
    )


def _as_json(value: object) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value))
    return read


def _read(event: object) -> _CheckRequest:
    try:
        return msgspec.convert(event, _CheckRequest)
    except msgspec.ValidationError as error:
        raise InvalidCheck(f"the event is not a check: {explain(error, _CheckRequest.__struct_fields__)}") from None
