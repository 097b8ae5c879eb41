"""Temporary faults of a deployed stack, and a request that looks old."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from tests.support.local.stack import LocalStack
from vbs_reaper.backups.holds import HOLDS

NOT_A_HOLD: Final = f"{HOLDS}not-a-hold.txt"
NOWHERE: Final = "arn:aws:sqs:eu-central-1:000000000000:nowhere"
"""A queue that does not exist."""


@contextmanager
def bus_down(stack: LocalStack) -> Iterator[None]:
    """Remove the permission of the deleter to publish, and restore it."""
    iam = stack.aws.client("iam")
    role = stack.aws.client("cloudformation").describe_stack_resource(
        StackName=stack.name, LogicalResourceId="DeleterRole"
    )["StackResourceDetail"]["PhysicalResourceId"]
    policy = {"RoleName": role, "PolicyName": "deleter"}
    document = iam.get_role_policy(**policy)["PolicyDocument"]
    less = [statement for statement in document["Statement"] if statement["Sid"] != "PublishResults"]
    assert len(less) == len(document["Statement"]) - 1
    iam.put_role_policy(**policy, PolicyDocument=json.dumps({**document, "Statement": less}))
    try:
        yield
    finally:
        iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))


@contextmanager
def object_that_is_not_a_hold(stack: LocalStack) -> Iterator[None]:
    """Put an object that is not a hold under `holds/`, and remove it."""
    s3, place = stack.aws.client("s3"), {"Bucket": stack.outputs["PlansBucketName"], "Key": NOT_A_HOLD}
    s3.put_object(**place, ServerSideEncryption="AES256")
    try:
        yield
    finally:
        s3.delete_object(**place)


@contextmanager
def broken_settings(stack: LocalStack) -> Iterator[None]:
    """Remove a variable from the environment of the deleter, and restore it."""
    functions, name = stack.aws.client("lambda"), stack.outputs["DeleterFunctionName"]
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    less = {key: value for key, value in variables.items() if key != "DELETE_QUEUE_URL"}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": less})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


@contextmanager
def rule_to_nowhere(stack: LocalStack) -> Iterator[dict[str, str]]:
    """Replace the queue and the dead-letter queue of the rule by a missing one. Yields the rule's name and bus."""
    events, bus = stack.aws.client("events"), stack.outputs["EventBusName"]
    (rule,) = (
        each["Name"] for each in events.list_rules(EventBusName=bus)["Rules"] if "DeleteRequestedRule" in each["Name"]
    )
    place = {"Rule": rule, "EventBusName": bus}
    (deployed,) = events.list_targets_by_rule(**place)["Targets"]
    events.put_targets(**place, Targets=[deployed | {"Arn": NOWHERE, "DeadLetterConfig": {"Arn": NOWHERE}}])
    try:
        yield {"RuleName": rule, "EventBusName": bus}
    finally:
        events.put_targets(**place, Targets=[deployed])


def send_late(stack: LocalStack, request: dict[str, str], seconds: float) -> None:
    """Send a request as if the deleter had re-sent it `seconds` after it was first sent."""
    sent_at = datetime.now(UTC) - timedelta(seconds=seconds)
    stack.send(request, {"request_id": str(uuid4()), "sent_at": sent_at.isoformat()})
