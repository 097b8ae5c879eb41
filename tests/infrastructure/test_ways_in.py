"""The schedule to paste, which sends a request and is not part of the stack."""

import json
import re
import shlex
from datetime import UTC, datetime

from tests.infrastructure.rendered import Properties, Rendered
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.request import DeleteRequest


def schedule_command() -> dict[str, str]:
    """The options of the paste-ready command, by name."""
    words = shlex.split(Rendered().outputs["ScheduleRequestCommand"]["Value"])[3:]
    return {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}


def schedule_target() -> Properties:
    target: Properties = json.loads(schedule_command()["target"])
    return target


def test_the_schedule_to_paste_runs_once_and_deletes_itself() -> None:
    command = schedule_command()
    assert re.fullmatch(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)", command["schedule-expression"])
    assert command["action-after-completion"] == "DELETE"
    assert command["flexible-time-window"] == "Mode=OFF"


def test_the_schedule_to_paste_has_dead_letters_and_an_explicit_retry_policy() -> None:
    target = schedule_target()
    assert target["Arn"] == "${DeleteQueue.Arn}"
    assert target["RoleArn"] == "${RequestScheduleRole.Arn}"
    assert target["DeadLetterConfig"] == {"Arn": "${DeadLetterQueue.Arn}"}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}


def test_the_schedule_to_paste_sends_a_request() -> None:
    assert isinstance(open_envelope(schedule_target()["Input"], datetime.now(UTC)), DeleteRequest)
