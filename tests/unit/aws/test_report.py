import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.doubles import ManualClock
from tests.support.log_lines import LogLines, reading_log
from vbs_reaper.aws.deletion_report import DeletionReport
from vbs_reaper.aws.metrics import Metrics
from vbs_reaper.backups.answer import Answer, AnswerName, CallRecord, Operation
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.deletion.decision import AlreadyGone, Asked, Decision, Deleted, Halt, Parked, Refused, Superseded, Wait
from vbs_reaper.deletion.message import Message
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.deletion.result import Outcome
from vbs_reaper.logs import logger
from vbs_reaper.reasons import Reason

NOW = ManualClock().now
BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"
REQUEST = DeleteRequest(backup_id=BackupId(BACKUP), target="otc-prod", requested_by="operations")
MESSAGE = Message(
    message_id="m-2",
    receipt_handle="AQEBhandle",
    body=json.dumps({"backup_id": BACKUP}),
    receive_count=3,
    sent_at=NOW - timedelta(seconds=40),
    request_id="m-1",
    first_sent_at=NOW - timedelta(seconds=100),
    asked_at=NOW - timedelta(seconds=41),
)
GONE = Answer(name=AnswerName.GONE, status=404, request_id="req-7", at=NOW)
DECISIONS: dict[Outcome, Decision] = {
    Outcome.DELETED: Deleted(proof=GONE),
    Outcome.ALREADY_GONE: AlreadyGone(proof=GONE),
    Outcome.ASKED: Asked(delay_s=47, place="", volume_id=None, message="the deletion is accepted"),
    Outcome.WAITING: Wait(reason=Reason.BUSY, delay_s=60, message="the backup is creating"),
    Outcome.HALTED: Halt(reason=Reason.SERVICE_DOWN, delay_s=60, remember_s=60.0, message="status 503"),
    Outcome.REFUSED: Refused(reason=Reason.HELD, message="its name holds it"),
    Outcome.PARKED: Parked(reason=Reason.BUSY, message="the backup is restoring"),
    Outcome.SUPERSEDED: Superseded(reason=Reason.HELD, message="its name holds it"),
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("reaper")


@pytest.fixture
def report(metrics: Metrics) -> DeletionReport:
    return DeletionReport(metrics, logger)


def counted(metrics: Metrics, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Every member of every document but the directive."""
    metrics.flush()
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {name: value for document in documents for name, value in document.items() if name != "_aws"}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_decision_is_one_line_and_one_outcome(
    report: DeletionReport,
    metrics: Metrics,
    log_lines: LogLines,
    capsys: pytest.CaptureFixture[str],
    outcome: Outcome,
) -> None:
    report.decided(MESSAGE, REQUEST, DECISIONS[outcome], NOW)
    assert log_lines.only()["outcome"] == outcome.value
    assert counted(metrics, capsys).items() >= {"Outcome": outcome.value, "Outcomes": [1.0]}.items()


def test_a_refusal_counts_by_its_reason(
    report: DeletionReport, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = DECISIONS[Outcome.REFUSED]
    assert isinstance(refused, Refused)
    report.decided(MESSAGE, REQUEST, refused, NOW)
    assert counted(metrics, capsys).items() >= {"Reason": refused.reason.value, "Refusals": [1.0]}.items()


@pytest.mark.parametrize("outcome", Outcome)
def test_every_line_says_which_request_and_backup_it_is_about(
    report: DeletionReport, log_lines: LogLines, outcome: Outcome
) -> None:
    report.decided(MESSAGE, REQUEST, DECISIONS[outcome], NOW)
    said: Mapping[str, Any] = log_lines.only()
    assert (
        said.items()
        >= {
            "request_id": "m-1",
            "message_id": "m-2",
            "receives": 3,
            "asked_at": MESSAGE.asked_at and MESSAGE.asked_at.isoformat(),
            "backup_id": BACKUP,
            "target": "otc-prod",
            "requested_by": "operations",
        }.items()
    )


def test_a_line_tells_of_each_call_in_order_and_names_a_survivor(report: DeletionReport, log_lines: LogLines) -> None:
    survivor = BackupId("0b5e4f6a-7c1d-4e2f-9a3b-0000000000aa")
    calls = [
        CallRecord(operation=Operation.SHOW_BACKUP, status="401", at=NOW, backup_id=BackupId(BACKUP)),
        CallRecord(
            operation=Operation.SHOW_BACKUP, status="200", at=NOW, request_id="req-8", backup_id=BackupId(BACKUP)
        ),
        CallRecord(operation=Operation.SHOW_BACKUP, status="ReadTimeout", at=NOW, backup_id=survivor),
        CallRecord(operation=Operation.LIST_BACKUPS, status="200", at=NOW),
    ]
    report.decided(MESSAGE, REQUEST, DECISIONS[Outcome.WAITING], NOW, calls)
    at = {"at": NOW.isoformat()}
    assert log_lines.only()["calls"] == [
        {"operation": "ShowBackup", "status": "401", **at},
        {"operation": "ShowBackup", "status": "200", **at, "request_id": "req-8"},
        {"operation": "ShowBackup", "status": "ReadTimeout", **at, "backup_id": survivor},
        {"operation": "ListBackups", "status": "200", **at},
    ]


def test_a_line_says_when_and_why_the_request_was_sent_and_how_often_redriven(
    report: DeletionReport, log_lines: LogLines
) -> None:
    request = DeleteRequest(backup_id=BackupId(BACKUP), reason="too\nold")
    report.decided(replace(MESSAGE, redrives=2), request, DECISIONS[Outcome.DELETED], NOW)
    said = log_lines.only()
    assert said["sent_at"] == MESSAGE.first_sent_at.isoformat()
    assert (said["request_reason"], said["redrives"]) == ("too\\nold", 2)


@pytest.mark.parametrize("outcome", [Outcome.WAITING, Outcome.HALTED])
def test_waits_and_halts_count_by_their_reason(
    report: DeletionReport, metrics: Metrics, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    decision = DECISIONS[outcome]
    assert isinstance(decision, Wait | Halt)
    report.decided(MESSAGE, REQUEST, decision, NOW)
    assert counted(metrics, capsys).items() >= {"Reason": decision.reason.value, "Waits": [1.0]}.items()


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.WAITING, Outcome.HALTED}))
def test_nothing_else_counts_as_a_wait(
    report: DeletionReport, metrics: Metrics, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    report.decided(MESSAGE, REQUEST, DECISIONS[outcome], NOW)
    assert "Waits" not in counted(metrics, capsys)


def test_the_time_to_deletion_counts_from_the_first_sending(
    report: DeletionReport, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    report.decided(MESSAGE, REQUEST, DECISIONS[Outcome.DELETED], NOW)
    assert counted(metrics, capsys)["TimeToDeletion"] == [100.0]


def test_only_a_deletion_has_a_time_to_deletion(
    report: DeletionReport, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    for outcome in set(Outcome) - {Outcome.DELETED}:
        report.decided(MESSAGE, REQUEST, DECISIONS[outcome], NOW)
    assert "TimeToDeletion" not in counted(metrics, capsys)


def test_the_age_of_a_request_counts_from_the_first_sending(
    report: DeletionReport, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    report.began(MESSAGE, NOW)
    assert counted(metrics, capsys)["OldestRequestAge"] == [100.0]


def test_a_clock_that_is_behind_makes_no_negative_age(
    report: DeletionReport, metrics: Metrics, capsys: pytest.CaptureFixture[str]
) -> None:
    report.began(MESSAGE, NOW - timedelta(hours=1))
    assert counted(metrics, capsys)["OldestRequestAge"] == [0.0]


def test_an_end_that_is_proven_names_the_clouds_own_request(report: DeletionReport, log_lines: LogLines) -> None:
    report.decided(MESSAGE, REQUEST, DECISIONS[Outcome.DELETED], NOW)
    assert log_lines.only().items() >= {"status": 404, "cloud_request_id": "req-7"}.items()


def test_a_reason_comes_with_the_sentence_of_the_decision(report: DeletionReport, log_lines: LogLines) -> None:
    report.decided(MESSAGE, REQUEST, DECISIONS[Outcome.REFUSED], NOW)
    assert (
        log_lines.only().items()
        >= {"message": "request refused", "level": "WARNING", "reason": "held", "detail": "its name holds it"}.items()
    )


def test_a_body_that_held_no_request_has_a_line_too(report: DeletionReport, log_lines: LogLines) -> None:
    report.decided(MESSAGE, None, Refused(reason=Reason.MALFORMED, message="the body is no JSON"), NOW)
    assert "backup_id" not in log_lines.only()


def test_of_an_exception_kind_and_place_are_written_but_not_its_text(
    report: DeletionReport, log_lines: LogLines
) -> None:
    try:
        raise ValueError("header value: canary-token")  # noqa: TRY301  # any text a library may quote
    except ValueError as error:
        report.failed(MESSAGE, "pass", error)
    line = log_lines.only()
    assert line.items() >= {"message": "step failed", "step": "pass", "error": "ValueError"}.items()
    assert line["where"][-1].startswith("test_report.py:")
    assert "canary" not in log_lines.text()


def test_a_split_bulk_is_one_line_and_no_outcome(
    report: DeletionReport, metrics: Metrics, log_lines: LogLines, capsys: pytest.CaptureFixture[str]
) -> None:
    report.split(MESSAGE, 7, 2)
    assert log_lines.only().items() >= {"message": "bulk split", "requests": 7, "refused": 2}.items()
    assert counted(metrics, capsys) == {}


@given(st.text(), st.text(max_size=256), st.sampled_from(Outcome))
def test_whatever_a_message_carries_reporting_raises_nothing_and_writes_one_line(
    request_id: str, requested_by: str, outcome: Outcome
) -> None:
    report = DeletionReport(Metrics("reaper"), logger)
    message = replace(MESSAGE, request_id=request_id)
    request = DeleteRequest(backup_id=BackupId(BACKUP), requested_by=requested_by)
    with reading_log() as lines:
        report.decided(message, request, DECISIONS[outcome], NOW)
    assert len(lines.all()) == 1
