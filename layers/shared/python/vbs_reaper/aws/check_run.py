"""One run of the checker: targets side by side, each report logged, counted, and published where it is unhealthy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from typing import Annotated
from typing import Any
from typing import Final

import msgspec

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.logs import fault_fields
from vbs_reaper.logs import logger
from vbs_reaper.openstack.check import TARGET_UNHEALTHY
from vbs_reaper.openstack.check import TargetReport
from vbs_reaper.openstack.check import unhealthy_event
from vbs_reaper.strict_json import explain

if TYPE_CHECKING:
    from vbs_reaper.aws.known_bus import KnownBus
    from vbs_reaper.aws.metrics import Metrics
    from vbs_reaper.aws.own_side import OwnSide
    from vbs_reaper.deletion.ports import TimeLeft
    from vbs_reaper.openstack.check import TargetCheck

AT_ONCE: Final = 5
"""Targets checked side by side."""


class CheckRefused(ValueError):
    """The event is no check; the message is one sentence."""


_TargetName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}\Z")]


class _CheckRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    targets: Annotated[tuple[_TargetName, ...], msgspec.Meta(max_length=50)] = ()


class CheckRun:
    """Runs checks, one after the other."""

    def __init__(
        self, *, check: TargetCheck, own_side: OwnSide, bus: KnownBus, metrics: Metrics, default_target: str
    ) -> None:
        self._check = check
        self._own_side = own_side
        self._bus = bus
        self._metrics = metrics
        self._default_target = default_target

    def handle(self, event: object, time_left: TimeLeft, check_id: str) -> dict[str, Any]:
        """Check what the event names, or the default target; the answer is JSON: `targets` and `own_side`.

        A target whose check fails itself is unhealthy, and the others have their reports.

        Raises:
            CheckRefused: the event names no targets as it should.
        """
        targets = _read(event) or (self._default_target,)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            reports = list(threads.map(lambda target: self._report_on(target, time_left), targets))
        for report in reports:
            self._tell(report)
        faults = self._own_side.faults()
        for fault in faults:
            logger.error("own side incomplete", extra={"detail": fault})
        unhealthy = [told for report in reports if (told := unhealthy_event(report, check_id))]
        published = not unhealthy or self._bus.announce(TARGET_UNHEALTHY, unhealthy)
        own_side = {"healthy": not faults, "faults": faults}
        return _as_json({"targets": reports, "own_side": own_side, "published": published})

    def _report_on(self, target: str, time_left: TimeLeft) -> TargetReport:
        try:
            return self._check.check(target, time_left)
        except Exception as error:  # noqa: BLE001  # no fault of one check may lose the reports on the others
            return _failed(target, error)

    def _tell(self, report: TargetReport) -> None:
        if report.healthy is not None:
            self._metrics.target_is(report.target, report.healthy)
        log = logger.info if report.healthy else logger.warning
        fields = _as_json(report)
        if "message" in fields:  # a log line's own name for its phrase
            fields["detail"] = fields.pop("message")
        log("target checked", extra=fields)


def _failed(target: str, error: Exception) -> TargetReport:
    """The report on a target whose check raised. An exception's text may hold anything: its kind must do."""
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


def _read(event: object) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(msgspec.convert(event, _CheckRequest).targets))
    except msgspec.ValidationError as error:
        raise CheckRefused(f"the event is no check: {explain(error, ('targets',))}") from None
