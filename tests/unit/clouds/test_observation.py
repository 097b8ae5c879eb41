"""What is counted and logged about a call: operation and result, but no content."""

import time

from tests.support.log_lines import LogLines
from vbs_reaper.backups.answer import Operation
from vbs_reaper.clouds.call_metrics import observe


class RecordedCalls:
    def __init__(self) -> None:
        self.calls: list[tuple[Operation, str, float]] = []

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None:
        self.calls.append((operation, status_code, seconds))


def test_a_call_is_counted_with_its_time_and_logged_in_one_line(log_lines: LogLines) -> None:
    recorded = RecordedCalls()
    observe(recorded, "otc-prod", Operation.SHOW_BACKUP, "404", time.monotonic() - 100)
    ((operation, status_code, seconds),) = recorded.calls
    assert (operation, status_code) == (Operation.SHOW_BACKUP, "404")
    assert 100 <= seconds < 160
    line = log_lines.only()
    logged = {name: line[name] for name in ("level", "message", "target", "operation", "status_code", "seconds")}
    assert logged == {
        "level": "DEBUG",
        "message": "cloud called",
        "target": "otc-prod",
        "operation": "ShowBackup",
        "status_code": "404",
        "seconds": round(seconds, 3),
    }
