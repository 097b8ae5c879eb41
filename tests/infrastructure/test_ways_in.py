"""Who sends requests without being part of the stack: topics, rules and schedules of the operator's own."""

import json
import re
import shlex
from datetime import UTC, datetime

from tests.infrastructure.combinations import AS_IT_COMES, KEY, RULE, TOPIC, WITH_EVERYTHING
from tests.infrastructure.rendered import Properties, Rendered
from tests.infrastructure.test_permissions import may, senders
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.request import DeleteRequest

SEND = {("sqs:SendMessage", "${DeleteQueue.Arn}"), ("sqs:SendMessage", "${DeadLetterQueue.Arn}")}
USE_THE_KEY = {("kms:Decrypt", KEY), ("kms:GenerateDataKey", KEY)}


def schedule_command() -> dict[str, str]:
    """The options of the paste-ready command, by name."""
    words = shlex.split(Rendered().outputs["ScheduleRequestCommand"]["Value"])[3:]
    return {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}


def schedule_target() -> Properties:
    target: Properties = json.loads(schedule_command()["target"])
    return target


def test_what_may_send_requests_may_leave_its_dead_letters_too() -> None:
    assert senders(Rendered(), "DeadLetterQueue") == {"${DeleteRequestedRule.Arn}"}
    assert senders(Rendered(WITH_EVERYTHING), "DeadLetterQueue") == {"${DeleteRequestedRule.Arn}", TOPIC, RULE}


def test_a_schedule_may_send_a_request_or_its_dead_letter_and_nothing_else() -> None:
    assert may(Rendered(AS_IT_COMES), "RequestScheduleRole") == SEND
    assert may(Rendered(WITH_EVERYTHING), "RequestScheduleRole") == SEND | USE_THE_KEY


def test_only_schedules_of_this_account_take_the_role_on(stack: Rendered) -> None:
    (trust,) = stack.every("IAM::Role")["RequestScheduleRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}


def test_the_schedule_to_paste_fires_once_and_removes_itself() -> None:
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
