"""`follow` reports once why requests wait, if a person must act."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from vbs_reaper.cli.follow import PASSES_BY_ITSELF, Follower
from vbs_reaper.cli.log_record import LogRecord
from vbs_reaper.reasons import Reason, Scope

NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Log:
    """The log of a deleter so far."""

    def __init__(self) -> None:
        self.written: list[LogRecord] = []

    def passes(self, pattern: str, since: datetime) -> Iterator[LogRecord]:
        return iter(self.written)


def wait(number: int, reason: str, detail: str = "d", outcome: str = "waiting") -> LogRecord:
    return LogRecord(outcome=outcome, request_id=f"r{number}", reason=reason, detail=detail, written_at=NOW)


def faults_of(*records: LogRecord) -> list[str]:
    log = Log()
    log.written = list(records)
    follower = Follower(log, "", NOW, lambda record: record.request_id)  # type: ignore[arg-type]  # reads passes() only
    follower.poll()
    found = follower.faults()
    follower.poll()
    assert follower.faults() == [], "it is reported once"
    return found


def test_a_wait_that_a_person_must_end_is_reported_once_with_the_action() -> None:
    detail = "secret vbs-reaper/nowhere does not exist; create it"
    found = faults_of(wait(1, "secret_unusable", detail), wait(2, "secret_unusable", detail), wait(3, "halted"))
    assert found == [f"{detail} (secret_unusable). Fix the secret as the message says."]


@pytest.mark.parametrize(
    "reason", [*sorted(PASSES_BY_ITSELF), *(each for each in Reason if each.scope is Scope.BACKUP)]
)
def test_other_waits_are_only_counted(reason: Reason) -> None:
    assert faults_of(wait(1, reason.value)) == []


def test_an_ended_request_does_not_wait() -> None:
    assert faults_of(wait(1, "secret_unusable"), wait(1, "held", outcome="refused")) == []
