"""The policy of the operator allows all AWS calls of the CLI, and nothing else."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.infrastructure.combinations import FORMER_KEY, KEY, WITH_EVERYTHING
from tests.infrastructure.rendered import Rendered
from tests.infrastructure.test_permissions import HERE, MAPPING, USE_THE_KEY, listed, statements
from tests.infrastructure.translate import ROOT

PACKAGE = ROOT / "layers/shared/python/vbs_reaper"
CONSOLE = PACKAGE / "cli"
HOLDS_BUCKET = PACKAGE / "aws/hold_store.py"
"""An adapter of the CLI only."""
SERVICES = ("cloudwatch", "cloudformation", "lambda", "logs", "s3", "sqs")
OPERATOR_MAY = {
    ("cloudformation:DescribeStacks", f"arn:${{AWS::Partition}}:cloudformation:{HERE}:stack/${{AWS::StackName}}/*"),
    ("sqs:SendMessage", "${DeleteQueue.Arn}"),
    ("sqs:ReceiveMessage", "${DeadLetterQueue.Arn}"),
    ("sqs:ChangeMessageVisibility", "${DeadLetterQueue.Arn}"),
    ("sqs:DeleteMessage", "${DeadLetterQueue.Arn}"),
    ("lambda:InvokeFunction", "${PurgerFunction.Arn}"),
    ("lambda:InvokeFunction", "${CheckerFunction.Arn}"),
    ("lambda:GetFunctionConfiguration", "${DeleterFunction.Arn}"),
    ("lambda:GetEventSourceMapping", MAPPING),
    ("lambda:UpdateEventSourceMapping", MAPPING),
    ("cloudwatch:GetMetricStatistics", "*"),
    ("logs:FilterLogEvents", "${DeleterLogGroup.Arn}"),
    ("s3:ListBucket", "${PlansBucket.Arn}"),
    ("s3:GetObject", "${PlansBucket.Arn}/plans/*"),
    ("s3:GetObject", "${PlansBucket.Arn}/holds/*"),
    ("s3:PutObject", "${PlansBucket.Arn}/holds/*"),
    ("s3:DeleteObject", "${PlansBucket.Arn}/holds/*"),
}
CALLED_OTHERWISE = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
}
"""Operations with a permission of another name, such as batch operations."""


def operator_may(stack: Rendered) -> set[tuple[str, str]]:
    policy = stack.every("IAM::ManagedPolicy")["OperatorPolicy"]
    return {
        (action, resource)
        for statement in statements(policy["PolicyDocument"])
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


@cache
def operations_by_method() -> dict[str, str]:
    """Return the operations of the services by method name. Cached, because loading the models is slow."""
    session = botocore.session.get_session()
    return {
        xform_name(name): f"{service}:{name}"
        for service in SERVICES
        for name in session.get_service_model(service).operation_names
    }


def rights_used(path: Path) -> Iterator[str]:
    """Yield the permissions that the AWS operations in a module need."""
    operations = operations_by_method()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        name = node.attr if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else ""
        if isinstance(name, str) and name in operations:
            right = operations[name].removesuffix("Batch")
            yield CALLED_OTHERWISE.get(right, right)


def test_the_operator_has_exactly_these_permissions() -> None:
    assert operator_may(Rendered()) == OPERATOR_MAY
    assert operator_may(Rendered(WITH_EVERYTHING)) == OPERATOR_MAY | USE_THE_KEY | {("kms:Decrypt", FORMER_KEY)}


def test_every_permission_of_the_operator_is_used_and_every_call_is_allowed() -> None:
    modules = {*CONSOLE.rglob("*.py"), HOLDS_BUCKET} - {CONSOLE / "bus_rules.py"}  # for the deletion of the stack
    used = {right for path in modules for right in rights_used(path)}
    assert used == {action for action, _ in OPERATOR_MAY}


def test_only_the_mapping_of_the_deleter_can_be_changed(stack: Rendered) -> None:
    policy = stack.every("IAM::ManagedPolicy")["OperatorPolicy"]
    (update,) = (
        each for each in statements(policy["PolicyDocument"]) if each["Action"] == "lambda:UpdateEventSourceMapping"
    )
    assert update["Condition"] == {"ArnEquals": {"lambda:FunctionArn": "${DeleterFunction.Arn}"}}


def test_the_permissions_to_hold_and_to_release_are_separate_statements(stack: Rendered) -> None:
    policy = stack.every("IAM::ManagedPolicy")["OperatorPolicy"]
    by_name = {each["Sid"]: each for each in statements(policy["PolicyDocument"])}
    for name, action in (("Hold", "s3:PutObject"), ("Release", "s3:DeleteObject")):
        assert by_name[name]["Action"] == action
        assert by_name[name]["Resource"] == "${PlansBucket.Arn}/holds/*"
        assert [sid for sid, each in by_name.items() if action in listed(each["Action"])] == [name]


@pytest.mark.parametrize("service", ["secretsmanager", "iam", "sts"])
def test_no_secret_can_be_read_and_no_permission_gained_with_it(stack: Rendered, service: str) -> None:
    assert not [action for action, _ in operator_may(stack) if action.startswith(f"{service}:")]
    assert not [action for action, _ in operator_may(stack) if "*" in action]
    everywhere = {action for action, each in operator_may(stack) if each in {"*", f"{KEY}*"}}
    assert everywhere == {"cloudwatch:GetMetricStatistics"}, "IAM cannot restrict it"
