"""Every call to a cloud is counted and, at DEBUG, logged: what it was and how it ended, nothing it carried."""

import time

from vbs_reaper.logs import logger
from vbs_reaper.openstack.answer import Operation
from vbs_reaper.openstack.ports import Calls


def observe(calls: Calls, target: str, operation: Operation, status_code: str, begun: float) -> None:
    """Report a call that began at `begun`, by `time.monotonic`."""
    seconds = time.monotonic() - begun
    calls.answered(operation, status_code, seconds)
    fields = {"target": target, "operation": operation.value, "status_code": status_code}
    logger.debug("cloud called", extra={**fields, "seconds": round(seconds, 3)})
