"""What the commands read of a deployed stack."""

import json

import boto3
import pytest

from vbs_reaper.cli.stack import Stack


@pytest.mark.parametrize(("value", "targets"), [("", []), ("otc-prod", ["otc-prod"]), ("one,two", ["one", "two"])])
def test_targets_of_the_schedule_are_those_of_the_parameter(aws: str, value: str, targets: list[str]) -> None:
    template = {
        "Parameters": {"CheckTargets": {"Type": "CommaDelimitedList", "Default": ""}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    boto3.client("cloudformation").create_stack(
        StackName="reaper",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "CheckTargets", "ParameterValue": value}],
    )
    assert Stack("reaper").check_targets == targets
