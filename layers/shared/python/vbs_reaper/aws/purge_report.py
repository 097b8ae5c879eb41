"""Logs and metrics of the purger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from vbs_reaper.purge.run_result import PurgeOutcome
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from vbs_reaper.aws.metrics import Metrics
    from vbs_reaper.purge.run_result import PurgeResult

_PHRASES = {
    PurgeOutcome.PLANNED: "purge planned",
    PurgeOutcome.COMPLETED: "purge completed",
    PurgeOutcome.REFUSED: "purge refused",
    PurgeOutcome.ALREADY_SENT: "purge already sent",
}


class PurgeReport:
    """Implements `purge.ports.Report`."""

    def __init__(self, metrics: Metrics, logger: Logger) -> None:
        self._metrics = metrics
        self._logger = logger

    def scheduled(self, policy: str) -> None:
        """Count a scheduled run that has ended, also by a refusal, which has a metric of its own."""
        self._metrics.scheduled_runs(policy, 1)

    def planned(self, result: PurgeResult) -> None:
        """Record the counts of a plan."""
        if result.totals is not UNSET:
            self._metrics.planned(result.policy, result.totals.backups, result.totals.kept, result.totals.selected)

    def unreadable(self, policy: str, message: str) -> None:
        """Record that the last plan cannot be read, so every grace starts again."""
        self._logger.warning("last plan unreadable", extra={"policy": policy, "detail": printable(message)})

    def requested(self, policy: str, count: int) -> None:
        """Count the deletions that were requested."""
        self._metrics.requested(policy, count)

    def ended(self, result: PurgeResult) -> None:
        """Log the result of a run."""
        is_refused = result.outcome is PurgeOutcome.REFUSED
        if is_refused:
            self._metrics.purge_refused(result.policy)
        log = self._logger.warning if is_refused else self._logger.info
        log(_PHRASES[result.outcome], extra=_fields(result))


def _fields(result: PurgeResult) -> dict[str, object]:
    fields: dict[str, object] = {
        "policy": result.policy,
        "run": result.run,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "detail": printable(result.message),
    }
    named = {
        "requested": result.requested,
        "left_out": UNSET if result.left_out is UNSET else result.left_out.count,
        "left_out_reasons": UNSET if result.left_out is UNSET else result.left_out.reasons,
        "target": result.target,
        "plan": result.plan,
        "document": result.document,
    }
    return fields | {name: value for name, value in named.items() if value is not UNSET}
