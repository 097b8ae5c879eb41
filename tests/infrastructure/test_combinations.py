"""Each pair of optional parameters in four partitions of AWS, checked with cfn-lint, the policies and botocore."""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import botocore.session
import pytest

from tests.infrastructure.combinations import COMBINATIONS, DEFAULTS_ONLY, WITH_EVERYTHING
from tests.infrastructure.rendered import Rendered, translated

PARTITIONS = {
    "aws": "eu-central-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-cn": "cn-north-1",
    "aws-eusc": "eusc-de-east-1",
}
AN_ARN = re.compile(r"\barn:(?P<partition>[^:]+):(?P<service>[a-z0-9-]+):(?P<region>[^:]*):")
SERVICES = ("cloudformation", "cloudwatch", "events", "lambda", "logs", "s3", "scheduler", "secretsmanager", "sqs")


def test_each_pair_of_parameters_is_set_together_alone_and_not_at_all() -> None:
    assert COMBINATIONS[:2] == (DEFAULTS_ONLY, WITH_EVERYTHING)
    for one, other in combinations(WITH_EVERYTHING, 2):
        found = {(one in given, other in given) for given in COMBINATIONS}
        assert found == set(product((True, False), repeat=2))


def test_every_parameter_that_adds_or_removes_something_is_combined() -> None:
    in_conditions = set(re.findall(r'"Ref": "(\w+)"', json.dumps(translated()["Conditions"])))
    assert in_conditions <= WITH_EVERYTHING.keys()


def test_cfn_lint_finds_nothing_in_any_combination_and_partition() -> None:
    given = [as_lists(each) for each in COMBINATIONS]
    assert cfn_lint(translated(), given, regions=list(PARTITIONS.values())) == []


def test_cfn_lint_reads_the_parameters() -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"KmsKeyId": {"Ref": "KmsKeyArn"}}}
    parameters = {"KmsKeyArn": translated()["Parameters"]["KmsKeyArn"]}
    found = cfn_lint({"Parameters": parameters, "Resources": {"LogGroup": group}}, [{"KmsKeyArn": "alias/ours"}])
    assert any("alias/ours" in message for message in found)


def cfn_lint(template: Mapping[str, Any], given: Sequence[Mapping[str, Any]], **settings: list[str]) -> list[str]:
    """Return what cfn-lint finds in a template with each of the given sets of parameters."""
    from cfnlint.api import lint  # imported here, because it takes seconds
    from cfnlint.config import ManualArgs
    from cfnlint.context.parameters import ParameterSet

    sets = [ParameterSet(source=str(number), parameters=each) for number, each in enumerate(given)]
    found = lint(json.dumps(template, default=str), config=ManualArgs(parameters=sets, **settings))
    return [f"{each.rule.id}: {each.message}" for each in found]


def as_lists(given: Mapping[str, str]) -> dict[str, str | list[str]]:
    """Return the parameters for cfn-lint, with lists split."""
    types = {name: each["Type"] for name, each in translated()["Parameters"].items()}
    return {name: value.split(",") if "List" in types[name] else value for name, value in given.items()}


@pytest.mark.parametrize("given", COMBINATIONS, ids=lambda given: f"with {len(given)} optional parameters")
@pytest.mark.parametrize("partition", PARTITIONS)
def test_every_arn_has_the_partition_and_region_of_the_stack(partition: str, given: Mapping[str, str]) -> None:
    region = PARTITIONS[partition]
    here = {
        name: value.replace("arn:aws:", f"arn:{partition}:").replace("eu-central-1", region)
        for name, value in given.items()
    }
    stack = Rendered({**here, "AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": "123456789012"})
    arns = [*AN_ARN.finditer(json.dumps([stack.resources, stack.outputs]))]
    assert arns
    assert {found["partition"] for found in arns} == {partition}
    assert {found["region"] for found in arns if found["service"] not in {"iam", "s3"}} == {region}


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_services_of_the_stack_exist_in_the_partition_according_to_botocore(partition: str) -> None:
    session = botocore.session.get_session()
    for service in SERVICES:
        assert PARTITIONS[partition] in session.get_available_regions(service, partition), service
