"""What `explain` prints about passes without a log line."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from vbs_reaper.backups.answer import Operation
from vbs_reaper.cli.explain import show
from vbs_reaper.cli.history import RequestHistory, as_json, group_by_request
from vbs_reaper.cli.log_record import CallLogRecord, LogRecord

BACKUP = "0b5e4f6a-7c1d-4e2f-9a3b-000000000001"
BEGAN = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
LOOK = CallLogRecord(operation="ShowBackup", status="200")


def line(outcome: str, minute: int, receives: int, message_id: str = "", reason: str = "") -> LogRecord:
    written_at = BEGAN + timedelta(minutes=minute)
    return LogRecord(
        outcome=outcome,
        request_id="m-1",
        message_id=message_id,
        backup_id=BACKUP,
        receives=receives,
        reason=reason,
        calls=(LOOK,),
        written_at=written_at,
    )


ASKED = line("asked", 0, 1)
DELETED = line("deleted", 33, 20, "m-2")


def history(*lines: LogRecord) -> RequestHistory:
    (found,) = group_by_request(lines)
    return found


def history_of(*lines: LogRecord) -> str:
    written = StringIO()
    show([history(*lines)], Console(file=written, width=200))
    return written.getvalue()


@pytest.mark.parametrize(
    ("lines", "quiet"),
    [
        ([ASKED], (0,)),
        ([ASKED, DELETED], (0, 19)),
        ([ASKED, line("halted", 9, 8, "m-2", "service_down"), DELETED], (0, 7, 11)),
        ([line("waiting", 0, 1, reason="busy"), line("asked", 3, 2), line("deleted", 4, 1, "m-2")], (0, 0, 0)),
        (
            [line("halted", 0, 9, "m-2", "tls"), line("halted", 1, 10, "m-2", "tls")],
            (0, 0),
        ),  # older lines were not read
        ([line("refused", 0, 3), line("refused", 9, 1, "m-3")], (0, 0)),
    ],
)
def test_deliveries_without_a_line_are_counted_by_message(lines: list[LogRecord], quiet: tuple[int, ...]) -> None:
    assert history(*lines).quiet_passes == quiet
    (request,) = as_json(BACKUP, [history(*lines)])["requests"]
    assert tuple(each["quiet_passes_before"] for each in request["passes"]) == quiet


def test_a_long_deletion_is_one_sentence_before_its_proof() -> None:
    text = history_of(ASKED, DELETED)
    sentence = "In between it was delivered 19 times without a log line: the deletion was in progress."
    assert text.index("has accepted the deletion") < text.index(sentence) < text.index("Deleted: this")
    assert "delivered once" in history_of(ASKED, line("deleted", 1, 2, "m-2"))


def test_deliveries_that_each_have_a_line_are_not_mentioned() -> None:
    assert "In between" not in history_of(ASKED, line("deleted", 1, 1, "m-2"))


def test_a_deletion_in_progress_shows_since_when() -> None:
    assert "It has not ended yet: the deletion is in progress since 2026-11-25 04:00:00 UTC" in history_of(ASKED)
    waits = history_of(ASKED, line("halted", 9, 8, "m-2", "service_down"))
    assert "It has not ended yet." in waits
    assert "since" not in waits


@pytest.mark.parametrize("operation", Operation)
def test_every_call_is_shown_in_words(operation: Operation) -> None:
    """CBR proves a deletion by its operation log, whose call is `ListTasks`."""
    call = CallLogRecord(operation=operation, status="200")
    assert operation not in history_of(msgspec.structs.replace(DELETED, calls=(call,)))


def test_a_proof_without_a_request_id_of_the_cloud_does_not_mention_one() -> None:
    assert "Deleted: this 404 proves it.\n" in history_of(msgspec.structs.replace(DELETED, status="404"))
    with_id = msgspec.structs.replace(DELETED, status="404", cloud_request_id="req-1")
    assert "Deleted: this 404 proves it, request ID req-1.\n" in history_of(with_id)
