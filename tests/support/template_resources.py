"""Creates the queues, the bus and the bucket of template.yaml in moto, and the environments of the functions.

Everything is read from the template, so a mistake in the template makes tests fail.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3

from tests.infrastructure.rendered import UNKNOWN, Rendered
from tests.support.doubles import DELETER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient

STACK_NAME = "reaper"
REGION: Final = "eu-central-1"
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::StackName": STACK_NAME,
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateResources:
    """The created resources, and the environment variables of the functions."""

    delete_queue_url: str
    dead_letter_queue_url: str
    bus_name: str
    secret_prefix: str
    deleter_environment: "Mapping[str, str]"
    plans_bucket: str
    purger_environment: "Mapping[str, str]"


def make_resources(**parameters: str) -> TemplateResources:
    """Create the resources with these parameters of the template, at the AWS endpoint of the environment."""
    rendered = Rendered({**PSEUDO, **parameters})
    made: dict[str, str] = {"DeleterRole.RoleId": DELETER, "PurgerRole.RoleId": "AROAQ3EGX5TWPURGERR01"}
    sqs = boto3.client("sqs")
    for logical_id in ("DeadLetterQueue", "DeleteQueue"):
        url = _make_queue(sqs, logical_id, _filled(rendered.resources[logical_id]["Properties"], made))
        made[logical_id] = url
        made[f"{logical_id}.Arn"] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
    bus = rendered.resources["EventBus"]["Properties"]["Name"]
    boto3.client("events").create_event_bus(Name=bus)
    made["EventBus"] = bus
    made["PlansBucket"] = make_bucket()

    def environment(function: str) -> dict[str, str]:
        variables = _filled(rendered.resources[function]["Properties"]["Environment"]["Variables"], made)
        return {name: str(value) for name, value in variables.items()}

    return TemplateResources(
        delete_queue_url=made["DeleteQueue"],
        dead_letter_queue_url=made["DeadLetterQueue"],
        bus_name=bus,
        secret_prefix=rendered.of({"Ref": "SecretPrefix"}),
        deleter_environment=environment("DeleterFunction"),
        plans_bucket=made["PlansBucket"],
        purger_environment=environment("PurgerFunction"),
    )


def _filled(node: Any, made: "Mapping[str, str]") -> Any:  # noqa: ANN401  # a template holds any value
    """Replace references to the resources that exist so far."""
    match node:
        case str():
            return UNKNOWN.sub(lambda found: made[found[1]], node)
        case dict():
            return {key: _filled(each, made) for key, each in node.items()}
        case list():
            return [_filled(each, made) for each in node]
    return node


def make_bucket() -> str:
    """Create only the bucket of the stack."""
    name = f"{STACK_NAME}-plansbucket"
    boto3.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def _make_queue(sqs: "SQSClient", logical_id: str, properties: "Mapping[str, Any]") -> str:
    name = properties.get("QueueName", f"{STACK_NAME}-{logical_id}")
    attributes: dict[Any, str] = {
        key: json.dumps(value) if not isinstance(value, str) else value
        for key, value in properties.items()
        if key != "QueueName"
    }
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
