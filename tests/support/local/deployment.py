"""Deploys the template to the embedded AWS: uploads the zips, translates SAM, and creates a CloudFormation stack."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from tests.infrastructure.translate import translate
from tests.support.local.artefacts import build, sources
from tests.support.local.embedded_aws import AwsClient, EmbeddedAws
from tests.support.local.ministack_template import adapt_template
from tests.support.local.waiting import wait_until

BUCKET = "local"
TEMPLATE_KEY = "template.json"
STACK_NAME = "vbs-reaper"
"""The default name of a stack."""
DEPLOYED_WITHIN_S = 150.0


class DeploymentFailedError(Exception):
    """CloudFormation could not create the stack. The message contains the reason for each failed resource."""


def deploy(
    aws: EmbeddedAws, template: Path, parameters: Mapping[str, str], python: Path, name: str = STACK_NAME
) -> dict[str, str]:
    """Create the stack and return its outputs.

    Raises:
        DeploymentFailedError: a resource could not be created.
    """
    raw = yaml_parse(template.read_text(encoding="utf-8"))
    s3 = aws.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    for logical_id, (_, folder) in sources(raw).items():
        s3.put_object(Bucket=BUCKET, Key=logical_id, Body=build(template.parent / folder, python))
    document = json.dumps(adapt_template(translate(template), parameters))
    s3.put_object(Bucket=BUCKET, Key=TEMPLATE_KEY, Body=document.encode())
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"{aws.url}/{BUCKET}/{TEMPLATE_KEY}",  # a template in the request is limited to 51,200 bytes
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    stack = wait_until("the stack is deployed", lambda: _finished(cloudformation, name), within_s=DEPLOYED_WITHIN_S)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise DeploymentFailedError(f"{stack['StackStatus']}: {_failures(cloudformation, name)}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _finished(cloudformation: AwsClient, name: str) -> dict[str, Any] | None:
    stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack


def _failures(cloudformation: AwsClient, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return "; ".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', 'no reason given')}" for e in failed)
