"""Counts every call to a cloud and, at level DEBUG, logs it: operation and status, but no content."""

import logging
import time

from vbs_reaper.backups.answer import Operation
from vbs_reaper.clouds.ports import CallMetrics
from vbs_reaper.logs import logger


def observe(metrics: CallMetrics, target: str, operation: Operation, status_code: str, begun: float) -> None:
    """Report a call that began at `begun` on the clock of `time.monotonic`."""
    seconds = time.monotonic() - begun
    metrics.answered(operation, status_code, seconds)
    if logger.log_level <= logging.DEBUG:
        fields = {"target": target, "operation": operation.value, "status_code": status_code}
        logger.debug("cloud called", extra={**fields, "seconds": round(seconds, 3)})
