"""The parameters and outputs of the template."""

import json
import re
import shlex
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import dropwhile
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from tests.infrastructure.combinations import WITH_EVERYTHING
from tests.infrastructure.rendered import Rendered, translated
from tests.infrastructure.translate import ROOT
from vbs_reaper.checking.target_check import TARGETS_LIMIT
from vbs_reaper.deletion.envelope import open_envelope
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import SettingsError
from vbs_reaper.purge.event import Approval, Run, read_event
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.settings import DeleterSettings

PARAMETERS: dict[str, dict[str, Any]] = translated()["Parameters"]
DEFAULTS = {
    "SecretPrefix": "vbs-reaper",
    "DefaultTarget": "default",
    "BackoffBaseInSeconds": "60",
    "MaximumConcurrency": 2,
    "CallsAtOnce": "5",
    "MinimumAge": "0",
    "EventBusName": "",
    "AllowedEventSources": "",
    "AllowedSourceArns": "",
    "AllowedAccountIds": "",
    "PurgePolicy": '{"policy": "nightly", "mode": "preview", "match": {"status": ["available"]}, '
    '"keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12}}',
    "PurgeSchedule": "cron(0 4 * * ? *)",
    "PurgeTimezone": "UTC",
    "PurgeState": "DISABLED",
    "PurgeMaximumGapInDays": 7,
    "PurgerMemory": 512,
    "PlanRetentionInDays": 90,
    "CheckTargets": "",
    "CheckRate": "rate(1 hour)",
    "AlarmTopicArn": "",
    "LogLevel": "INFO",
    "LogRetentionInDays": 90,
    "KmsKeyArn": "",
    "FormerKmsKeyArns": "",
    "SecretKmsKeyArns": "",
    "LogKmsKeyArn": "",
    "SubnetIds": "",
    "SecurityGroupIds": "",
    "PermissionsBoundaryArn": "",
    "RolePath": "",
    "OperatorPolicyName": "",
}
REFUSED: dict[str, list[str | int]] = {
    "SecretPrefix": ["", "a//b", "reaper/", "*", "a" * 256],
    "DefaultTarget": ["", "OTC", "a" * 64, "../other"],
    "BackoffBaseInSeconds": [0, 901],
    "MaximumConcurrency": [1],
    "CallsAtOnce": [0, 11],
    "MinimumAge": [-1, 8785],
    "EventBusName": ["arn:aws:events:eu-central-1:123456789012:event-bus/ours", "*"],
    "AllowedSourceArns": [
        "*",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sns:*:*:requests",  # topics of every account
    ],
    "AllowedEventSources": ["*"],
    "AllowedAccountIds": ["*", "12345678901"],
    "PurgePolicy": [
        "",
        "nightly",
        "{policy:nightly,mode:purge,match:{name:daily-*},keep:{last:3}}",  # a shell has removed the quotes
        "{'policy': 'nightly'}",
        '{\\"policy\\": \\"nightly\\"}',
        "{}",
        '{"policy" : "nightly"}',  # PurgeMissingAlarm would not find the name
        '{"target": "policy"}',
        '{"policy": "my policy", "keep": {"last": 1}}',  # the checker and the purger would reject the name
        '{"policy": "' + "a" * 64 + '"}',
        '{"policy": 5}',
    ],
    "PurgeSchedule": ["0 4 * * *", "cron()"],
    "PurgeTimezone": ["", "Europe/"],
    "PurgeState": ["enabled"],
    "PurgerMemory": [255, 2049],
    "PlanRetentionInDays": [29, 3654],
    "CheckTargets": ["OTC", 'a", "b', "a,", ",a", "a,,b", "a b", ",".join(["a"] * (TARGETS_LIMIT + 1))],
    "CheckRate": ["rate(5 minutes)", "rate(1 hours)", "rate(13 hours)", "rate(1 day)"],
    "PurgeMaximumGapInDays": [8],
    "AlarmTopicArn": ["alarms"],
    "LogLevel": [
        "TRACE",
        "WARN",  # Lambda would drop the metrics
    ],
    "LogRetentionInDays": [0],
    "KmsKeyArn": ["alias/aws/sqs", "arn:aws:kms:eu-central-1:123456789012:alias/ours"],
    "FormerKmsKeyArns": ["arn:aws:kms:eu-central-1:123456789012:alias/ours"],
    "SecretKmsKeyArns": ["*"],
    "LogKmsKeyArn": ["alias/logs"],
    "SubnetIds": ["vpc-0a1b2c3d"],
    "SecurityGroupIds": ["default"],
    "PermissionsBoundaryArn": ["boundary"],
    "RolePath": ["backups", "/backups"],
    "OperatorPolicyName": ["a/b"],
}
OF_EVERY_COMMAND = {"query", "output", "cli-read-timeout", "cli-binary-format"}
AS_BOTOCORE_SAYS = {"s3api": "s3"}
TAKEN: dict[str, list[str]] = {
    "SecretPrefix": ["teams/backup/vbs-reaper"],
    "DefaultTarget": ["otc-prod"],
    "BackoffBaseInSeconds": ["900"],
    "MinimumAge": ["8784"],
    "EventBusName": ["default"],
    "AllowedSourceArns": [
        "arn:aws:sns:eu-central-1:123456789012:requests",
        "arn:aws:events:eu-central-1:123456789012:rule/ours/*",
    ],
    "PurgePolicy": [
        '{"mode": "purge",\n "policy":"p"}',
        '{"policy": "p",\n "keep": {"last": 1}, "match": {"name": "daily-*"}}',
        '\n  {\r\n\t"policy": "p", "keep": {"last": 1}}\n',
    ],
    "PurgeSchedule": ["rate(1 day)", "cron(30 2 ? * MON-FRI *)"],
    "PurgeTimezone": ["Europe/Berlin", "America/Argentina/Buenos_Aires"],
    "PurgeState": ["ENABLED"],
    "CheckTargets": ["", "otc-prod", "otc-prod, huawei-prod", ",".join(["a" * 63] * TARGETS_LIMIT)],
    "CheckRate": ["rate(6 hours)", "rate(12 hours)"],
    "PurgeMaximumGapInDays": ["0"],
    "AlarmTopicArn": ["arn:aws:sns:eu-central-1:123456789012:alarms"],
    "AllowedEventSources": ["aws.partner/example.com/1/orders"],
    "PlanRetentionInDays": ["3653"],
    "LogRetentionInDays": ["3653"],
    "KmsKeyArn": ["arn:aws-cn:kms:cn-north-1:123456789012:key/mrk-0b5e4f6a"],
    "PermissionsBoundaryArn": ["arn:aws-us-gov:iam::aws:policy/PowerUserAccess"],
    "RolePath": ["/teams/backup/"],
}


def takes(name: str, value: str | int) -> bool:
    """Return whether CloudFormation accepts a value. A pattern must match all of it; limits are inclusive."""
    parameter = PARAMETERS[name]
    if "AllowedValues" in parameter:
        return str(value) in map(str, parameter["AllowedValues"])
    if "AllowedPattern" in parameter:
        values = str(value).split(",") if "List" in parameter["Type"] else [str(value)]
        longest = parameter.get("MaxLength", 4096)  # by default the limit of every parameter
        return len(str(value)) <= longest and all(re.fullmatch(parameter["AllowedPattern"], each) for each in values)
    return bool(parameter["MinValue"] <= int(value) <= parameter["MaxValue"])


def test_parameters_and_defaults_are_as_designed() -> None:
    assert {name: each["Default"] for name, each in PARAMETERS.items()} == DEFAULTS


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_has_a_description_and_a_constraint(name: str) -> None:
    assert PARAMETERS[name]["Description"].endswith(".")
    assert PARAMETERS[name]["ConstraintDescription"]


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_value_is_rejected_before_the_deployment(name: str) -> None:
    assert [value for value in REFUSED[name] if takes(name, value)] == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_default_and_every_valid_value_is_accepted(name: str) -> None:
    values = [PARAMETERS[name]["Default"], *TAKEN.get(name, []), WITH_EVERYTHING.get(name)]
    assert [value for value in values if value is not None and not takes(name, value)] == []


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("BackoffBaseInSeconds", "BACKOFF_BASE_IN_SECONDS"),
        ("CallsAtOnce", "CALLS_AT_ONCE"),
        ("MinimumAge", "MINIMUM_AGE_IN_HOURS"),
    ],
)
def test_a_parameter_accepts_exactly_the_numbers_that_the_functions_accept(name: str, variable: str) -> None:
    odd = ["", "1.5", "1.0", "1e1", "+5", " 5", "5 ", "0x5", "1_0"]  # CloudFormation takes some of them as numbers
    values = [*odd, *map(str, range(-10, 10_000))]
    assert [value for value in values if takes(name, value)] == [
        value for value in values if variable not in faults_of({variable: value})
    ]


def faults_of(variables: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as rejected:  # most variables are missing
        DeleterSettings.from_env(variables)
    return str(rejected.value)


@pytest.mark.parametrize("prefix", ["a", "a" * 255, "a" + "/b" * 127, "a+b=c.d@e-f_g/h"])
def test_the_functions_accept_every_valid_secret_prefix(prefix: str) -> None:
    assert takes("SecretPrefix", prefix)
    assert "SECRET_PREFIX" not in faults_of({"SECRET_PREFIX": prefix})


@pytest.mark.parametrize("targets", TAKEN["CheckTargets"])
def test_the_schedule_of_the_checker_names_every_target(targets: str) -> None:
    schedules = Rendered({"CheckTargets": targets}).every("Scheduler::Schedule")
    event = json.loads(schedules["StackCheckSchedule"]["Target"]["Input"])
    assert event["targets"] == [target.strip() for target in targets.split(",") if target]


def test_every_parameter_is_in_one_group_and_used() -> None:
    template = translated()
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)
    used = json.dumps({part: template[part] for part in ("Resources", "Conditions", "Outputs")})
    assert not [name for name in PARAMETERS if f'"Ref": "{name}"' not in used and f"${{{name}}}" not in used]


def test_outputs_are_as_designed(stack: Rendered) -> None:
    values = {name: output["Value"] for name, output in stack.outputs.items() if not name.endswith("Command")}
    bus = values.pop("EventBusName")
    assert bus in {"${EventBus}", "ours"}
    assert values == {
        "Version": version("vbs-reaper"),
        "DeleteQueueUrl": "${DeleteQueue}",
        "DeleteQueueArn": "${DeleteQueue.Arn}",
        "DeadLetterQueueUrl": "${DeadLetterQueue}",
        "DeadLetterQueueArn": "${DeadLetterQueue.Arn}",
        "EventBusArn": f"arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:event-bus/{bus}",
        "RequestScheduleRoleArn": "${RequestScheduleRole.Arn}",
        "DeleterFunctionName": "${DeleterFunction}",
        "PurgerFunctionName": "${PurgerFunction}",
        "PlansBucketName": "${PlansBucket}",
        "PurgeScheduleRoleArn": "${PurgeScheduleRole.Arn}",
        "CheckerFunctionName": "${CheckerFunction}",
        "DeleteRequestsMappingId": "${DeleterFunctionDeleteRequests}",
        "OperatorPolicyArn": "${OperatorPolicy}",
    }
    assert all(output["Description"].endswith(".") for output in stack.outputs.values())


@pytest.mark.parametrize("name", [name for name in Rendered().outputs if name.endswith("Command")])
def test_a_command_in_the_outputs_is_valid(name: str) -> None:
    aws, service, command, *options = without_settings(shlex.split(Rendered().outputs[name]["Value"]))
    assert aws == "aws"
    model = botocore.session.get_session().get_service_model(AS_BOTOCORE_SAYS.get(service, service))
    (operation,) = (each for each in model.operation_names if xform_name(each, "-") == command)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    given = {option.removeprefix("--").removeprefix("no-") for option in options if option.startswith("--")}
    assert given - OF_EVERY_COMMAND <= {xform_name(member, "-") for member in shape.members}


def without_settings(words: list[str]) -> list[str]:
    """Return the words of a command without the environment variables before it."""
    return [*dropwhile(lambda word: re.match("[A-Z_]+=", word), words)]


def test_the_request_in_the_outputs_is_valid() -> None:
    command = shlex.split(Rendered().outputs["SendRequestCommand"]["Value"])
    request = open_envelope(command[command.index("--message-body") + 1], datetime.now(UTC))
    assert isinstance(request, DeleteRequest)


def purge_event(text: str) -> Run | Approval:
    return read_event(json.loads(text), "default", "invocation")


def option_of(name: str, option: str) -> str:
    words = shlex.split(Rendered().outputs[name]["Value"])
    return words[words.index(option) + 1]


def test_the_description_of_the_subnets_names_every_service_that_functions_in_a_vpc_need() -> None:
    guide = (ROOT / "functions/README.md").read_text(encoding="utf-8")
    services = re.findall(r"^\| ([\w ]+) \| (?:interface|gateway), `com\.amazonaws", guide, re.MULTILINE)
    assert services == ["SQS", "EventBridge", "Secrets Manager", "Lambda", "S3"]
    assert [each for each in services if each not in translated()["Parameters"]["SubnetIds"]["Description"]] == []


def test_the_recommended_gap_is_longer_than_the_time_between_two_runs() -> None:
    """CloudWatch looks back from now, so with runs a minute more than a day apart, some day has no run."""
    advice = " ".join(translated()["Parameters"]["PurgeMaximumGapInDays"]["Description"].split())
    assert "2 for a nightly purge" in advice
    assert "1 or 2" not in advice
    assert "once a week or less often, set 0" in advice


def test_the_default_policy_is_valid_and_deletes_nothing() -> None:
    (schedule,) = (s for n, s in Rendered().every("Scheduler::Schedule").items() if n == "StackPurgeSchedule")
    run = purge_event(schedule["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", "2026-11-25T04:00:00Z"))
    assert isinstance(run, Run)
    assert isinstance(run.policy, PurgePolicy)
    assert (run.policy.mode, run.name) == ("preview", "2026-11-25T04-00-00Z")


def test_the_purge_events_in_the_outputs_are_valid_and_delete_nothing() -> None:
    preview = purge_event(option_of("PreviewPurgeCommand", "--payload"))
    weekly = purge_event(json.loads(option_of("AddPurgeScheduleCommand", "--target"))["Input"])
    assert isinstance(preview, Run)
    assert isinstance(weekly, Run)
    assert {preview.policy.mode, weekly.policy.mode} == {"preview"}
    assert isinstance(purge_event(option_of("ApprovePlanCommand", "--payload")), Approval)


def test_a_further_schedule_has_the_retry_policy_of_the_stack() -> None:
    (own,) = (s for n, s in Rendered().every("Scheduler::Schedule").items() if n == "StackPurgeSchedule")
    further = json.loads(option_of("AddPurgeScheduleCommand", "--target"))
    assert {key: further[key] for key in ("Arn", "RoleArn", "RetryPolicy", "DeadLetterConfig")} == {
        key: own["Target"][key] for key in ("Arn", "RoleArn", "RetryPolicy", "DeadLetterConfig")
    }
