"""What a stop reports: which deletions the cloud may have accepted, which are withdrawn, and which have ended."""

import pytest

from vbs_reaper.cli.log_record import CallLogRecord, LogRecord
from vbs_reaper.cli.run_requests import state_of


def passed(outcome: str, *statuses: str) -> LogRecord:
    """Return a pass in which DELETEs got these answers."""
    calls = [CallLogRecord(operation="ShowBackup", status="200")]
    calls += [CallLogRecord(operation="DeleteBackup", status=status) for status in statuses]
    return LogRecord(outcome=outcome, request_id="r", calls=tuple(calls))


@pytest.mark.parametrize(
    ("passes", "state"),
    [
        ([passed("waiting")], "waiting"),
        ([passed("halted"), passed("waiting")], "waiting"),
        ([passed("waiting", "409"), passed("halted", "429")], "waiting"),
        ([passed("waiting", "401", "400")], "waiting"),
        ([passed("asked", "202")], "accepted"),
        ([passed("asked", "401", "202"), passed("waiting")], "accepted"),
        ([passed("waiting", "ReadTimeout"), passed("waiting")], "accepted"),
        ([passed("waiting", "500")], "accepted"),
        ([passed("waiting", "408")], "accepted"),
        ([passed("halted", "504")], "accepted"),
        ([passed("asked", "202"), passed("deleted")], "gone"),
        ([passed("already_gone")], "gone"),
        ([passed("superseded"), passed("already_gone"), passed("waiting")], "gone"),
        ([passed("refused")], "ended"),
        ([passed("asked", "202"), passed("parked")], "ended"),
        ([passed("superseded"), passed("waiting")], "waiting"),
    ],
)
def test_what_became_of_a_backup_is_read_from_its_passes(passes: list[LogRecord], state: str) -> None:
    assert state_of(passes) == state
