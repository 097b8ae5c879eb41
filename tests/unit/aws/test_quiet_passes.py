"""A pass that only finds an accepted deletion in progress writes no line at level INFO."""

import logging
from dataclasses import replace

import pytest

from tests.support.log_lines import LogLines, reading_log
from tests.unit.aws.test_report import BACKUP, MESSAGE, NOW, REQUEST, counted
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.backups.answer import CallRecord, Operation
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.deletion.decision import Wait
from vbs_reaper.logs import logger
from vbs_reaper.reasons import Reason

DELETING = Wait(reason=Reason.DELETING, delay_s=60, message="the backup is deleting")
LOOK = CallRecord(operation=Operation.SHOW_BACKUP, status="200", at=NOW, backup_id=BackupId(BACKUP))


@pytest.fixture
def report() -> DeletionReport:
    return DeletionReport(Metrics("reaper"), logger)


def test_accepted_deletion_in_progress_writes_no_line(report: DeletionReport) -> None:
    with reading_log(logging.INFO) as lines:
        report.decided(MESSAGE, REQUEST, DELETING, NOW, [LOOK])
    assert lines.all() == []


def test_accepted_deletion_in_progress_is_counted_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = Metrics("reaper")
    DeletionReport(metrics, logger).decided(MESSAGE, REQUEST, DELETING, NOW, [LOOK])
    found = counted(metrics, capsys)
    assert found.items() >= {"Outcomes": [1.0], "Reason": "deleting", "Waits": [1.0]}.items()


def test_at_level_debug_every_pass_writes_its_line(report: DeletionReport, log_lines: LogLines) -> None:
    report.decided(MESSAGE, REQUEST, DELETING, NOW, [LOOK])
    assert log_lines.only().items() >= {"level": "DEBUG", "message": "request waits", "reason": "deleting"}.items()


@pytest.mark.parametrize("status", ["401", "ReadTimeout"])
def test_other_answers_on_the_way_are_news(report: DeletionReport, log_lines: LogLines, status: str) -> None:
    report.decided(MESSAGE, REQUEST, DELETING, NOW, [replace(LOOK, status=status), LOOK])
    assert log_lines.only()["level"] == "INFO"


def test_deletion_that_was_not_asked_for_is_news(report: DeletionReport, log_lines: LogLines) -> None:
    report.decided(replace(MESSAGE, asked_at=None), REQUEST, DELETING, NOW, [LOOK])
    assert log_lines.only()["level"] == "INFO"


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.DELETING}))
def test_every_other_wait_writes_a_line(report: DeletionReport, log_lines: LogLines, reason: Reason) -> None:
    report.decided(MESSAGE, REQUEST, Wait(reason=reason, delay_s=60, message="wait"), NOW, [LOOK])
    assert log_lines.only()["reason"] == reason.value
