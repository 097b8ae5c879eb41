"""Deploys the examples of events/examples/ to the local stack."""

from typing import Any

from tests.e2e.conftest import WITHIN_S
from tests.support.local.artefacts import ROOT
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until

EXAMPLES = ROOT / "events" / "examples"
SAMPLE_ID = "1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11"
"""The backup ID in all examples and commands."""


def deploy(stack: LocalStack, name: str, example: str, **parameters: str) -> dict[str, str]:
    """Create a separate CloudFormation stack from an example; return its outputs."""
    cloudformation = stack.aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(EXAMPLES / example).read_text(encoding="utf-8"),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    made = wait_until(f"{name} is deployed", look, within_s=WITHIN_S)
    assert made["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in made.get("Outputs", [])}


def queue_arn(stack: LocalStack, queue: str) -> str:
    """Return the ARN of the queue `Delete` or `DeadLetter`."""
    answer = stack.aws.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs[f"{queue}QueueUrl"], AttributeNames=["QueueArn"]
    )
    arn: str = answer["Attributes"]["QueueArn"]
    return arn
