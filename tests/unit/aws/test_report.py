import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

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


class Reported:
    """A report, and its log lines and metrics."""

    def __init__(self, log_lines: LogLines, capsys: pytest.CaptureFixture[str]) -> None:
        self._metrics = Metrics("reaper")
        self._log_lines = log_lines
        self._capsys = capsys
        self.report = DeletionReport(self._metrics, logger)

    def decided(self, decision: Decision, message: Message = MESSAGE, calls: Sequence[CallRecord] = ()) -> None:
        self.report.decided(message, REQUEST, decision, NOW, calls)

    @property
    def line(self) -> dict[str, Any]:
        return self._log_lines.only()

    def counted(self) -> dict[str, Any]:
        """Return every member of every document except the directive."""
        self._metrics.flush()
        documents = [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]
        return {name: value for document in documents for name, value in document.items() if name != "_aws"}


@pytest.fixture
def reported(log_lines: LogLines, capsys: pytest.CaptureFixture[str]) -> Reported:
    return Reported(log_lines, capsys)


@pytest.mark.parametrize("outcome", Outcome)
def test_every_decision_is_one_line_about_its_request_and_one_outcome(reported: Reported, outcome: Outcome) -> None:
    reported.decided(DECISIONS[outcome])
    expected = {
        "outcome": outcome.value,
        "request_id": "m-1",
        "message_id": "m-2",
        "receives": 3,
        "asked_at": (NOW - timedelta(seconds=41)).isoformat(),
        "backup_id": BACKUP,
        "target": "otc-prod",
        "requested_by": "operations",
    }
    assert reported.line.items() >= expected.items()
    counted = reported.counted()
    assert (counted["Outcome"], counted["Outcomes"]) == (outcome.value, [1.0])
    assert ("Waits" in counted) is (outcome in {Outcome.WAITING, Outcome.HALTED})
    assert ("TimeToDeletion" in counted) is (outcome is Outcome.DELETED)


@pytest.mark.parametrize(
    ("outcome", "reason", "metric"),
    [
        (Outcome.REFUSED, "held", "Refusals"),
        (Outcome.WAITING, "busy", "Waits"),
        (Outcome.HALTED, "service_down", "Waits"),
    ],
)
def test_refusals_waits_and_halts_count_by_their_reason(
    reported: Reported, outcome: Outcome, reason: str, metric: str
) -> None:
    reported.decided(DECISIONS[outcome])
    assert reported.counted().items() >= {"Reason": reason, metric: [1.0]}.items()


def call(status: str, operation: Operation = Operation.SHOW_BACKUP, **more: Any) -> CallRecord:  # noqa: ANN401
    return CallRecord(operation=operation, status=status, at=NOW, **{"backup_id": BackupId(BACKUP)} | more)


def test_a_line_contains_each_call_in_order_and_names_a_survivor(reported: Reported) -> None:
    survivor = BackupId("0b5e4f6a-7c1d-4e2f-9a3b-0000000000aa")
    calls = [
        call("401"),
        call("200", request_id="req-8"),
        call("ReadTimeout", backup_id=survivor),
        call("200", Operation.LIST_BACKUPS, backup_id=None),
    ]
    reported.decided(DECISIONS[Outcome.WAITING], calls=calls)
    at = {"at": NOW.isoformat()}
    assert reported.line["calls"] == [
        {"operation": "ShowBackup", "status": "401", **at},
        {"operation": "ShowBackup", "status": "200", **at, "request_id": "req-8"},
        {"operation": "ShowBackup", "status": "ReadTimeout", **at, "backup_id": survivor},
        {"operation": "ListBackups", "status": "200", **at},
    ]


def test_a_line_says_when_and_why_the_request_was_sent_and_how_often_redriven(reported: Reported) -> None:
    request = DeleteRequest(backup_id=BackupId(BACKUP), reason="too\nold")
    reported.report.decided(replace(MESSAGE, redrives=2), request, DECISIONS[Outcome.DELETED], NOW)
    line = reported.line
    assert line["sent_at"] == MESSAGE.first_sent_at.isoformat()
    assert (line["request_reason"], line["redrives"]) == ("too\\nold", 2)


@pytest.mark.parametrize(("late", "age_s"), [(timedelta(), 100.0), (timedelta(hours=-1), 0.0)])
def test_the_age_of_a_request_counts_from_the_first_sending_and_is_not_negative(
    reported: Reported, late: timedelta, age_s: float
) -> None:
    reported.report.began(MESSAGE, NOW + late)
    assert reported.counted()["OldestRequestAge"] == [age_s]


def test_a_proven_end_has_the_request_id_of_the_cloud_and_its_duration(reported: Reported) -> None:
    reported.decided(DECISIONS[Outcome.DELETED])
    assert reported.line.items() >= {"status": 404, "cloud_request_id": "req-7"}.items()
    assert reported.counted()["TimeToDeletion"] == [100.0]


def test_a_refusal_is_a_warning_with_the_sentence_of_the_decision(reported: Reported) -> None:
    reported.decided(DECISIONS[Outcome.REFUSED])
    expected = {"message": "request refused", "level": "WARNING", "reason": "held", "detail": "its name holds it"}
    assert reported.line.items() >= expected.items()


def test_a_body_without_a_request_has_a_line_too(reported: Reported) -> None:
    reported.report.decided(MESSAGE, None, Refused(reason=Reason.MALFORMED, message="the body is not JSON"), NOW)
    assert "backup_id" not in reported.line


def test_of_an_exception_only_type_and_place_are_logged(reported: Reported, log_lines: LogLines) -> None:
    try:
        raise ValueError("header value: canary-token")  # noqa: TRY301  # any text a library may quote
    except ValueError as error:
        reported.report.failed(MESSAGE, "pass", error)
    line = reported.line
    assert line.items() >= {"message": "step failed", "step": "pass", "error": "ValueError"}.items()
    assert line["where"][-1].startswith("test_report.py:")
    assert "canary" not in log_lines.text()


def test_a_split_bulk_is_one_line_and_no_outcome(reported: Reported) -> None:
    reported.report.split(MESSAGE, 7, 2)
    assert reported.line.items() >= {"message": "bulk split", "requests": 7, "refused": 2}.items()
    assert reported.counted() == {}


@given(st.text(), st.text(max_size=256), st.sampled_from(Outcome))
def test_any_message_is_reported_in_one_line_without_raising(
    request_id: str, requested_by: str, outcome: Outcome
) -> None:
    report = DeletionReport(Metrics("reaper"), logger)
    message = replace(MESSAGE, request_id=request_id)
    request = DeleteRequest(backup_id=BackupId(BACKUP), requested_by=requested_by)
    with reading_log() as lines:
        report.decided(message, request, DECISIONS[outcome], NOW)
    assert len(lines.all()) == 1


# A pass that only finds an accepted deletion in progress is logged at DEBUG.

DELETING = Wait(reason=Reason.DELETING, delay_s=60, message="the backup is deleting")


def test_an_accepted_deletion_in_progress_is_counted_and_written_only_at_level_debug(reported: Reported) -> None:
    reported.decided(DELETING, calls=[call("200")])
    assert reported.line.items() >= {"level": "DEBUG", "message": "request waits", "reason": "deleting"}.items()
    assert reported.counted().items() >= {"Outcomes": [1.0], "Reason": "deleting", "Waits": [1.0]}.items()


@pytest.mark.parametrize("status", ["401", "ReadTimeout"])
def test_other_answers_before_it_are_logged_at_info(reported: Reported, status: str) -> None:
    reported.decided(DELETING, calls=[call(status), call("200")])
    assert reported.line["level"] == "INFO"


def test_a_deletion_that_was_not_requested_is_logged_at_info(reported: Reported) -> None:
    reported.decided(DELETING, replace(MESSAGE, asked_at=None), [call("200")])
    assert reported.line["level"] == "INFO"


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.DELETING}))
def test_every_other_wait_is_logged_at_info(reported: Reported, reason: Reason) -> None:
    reported.decided(Wait(reason=reason, delay_s=60, message="wait"), calls=[call("200")])
    assert (reported.line["reason"], reported.line["level"] == "DEBUG") == (reason.value, False)
