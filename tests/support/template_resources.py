"""The queues, the bus and the environment that template.yaml describes, made on a stand-in of AWS.

What the template says wrongly is wrong here too: nothing is repeated by hand but the few CloudFormation functions.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3

from tests.infrastructure.translate import translate
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
    "AWS::NoValue": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateResources:
    """What was made, and what the functions are told of it."""

    delete_queue_url: str
    dead_letter_queue_url: str
    bus_name: str
    secret_prefix: str
    deleter_environment: "Mapping[str, str]"
    plans_bucket: str
    purger_environment: "Mapping[str, str]"


def make_resources(**parameters: str) -> TemplateResources:
    """Make what the template describes, in the AWS that the environment names; `parameters` as at a deployment."""
    template = _translated()
    values = Values(template, parameters)
    sqs = boto3.client("sqs")
    for logical_id in ("DeadLetterQueue", "DeleteQueue"):
        url = _make_queue(sqs, logical_id, values.of(template["Resources"][logical_id]["Properties"]))
        values.made[logical_id] = url
        values.made[f"{logical_id}.Arn"] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
    bus = values.of(template["Resources"]["EventBus"]["Properties"])["Name"]
    boto3.client("events").create_event_bus(Name=bus)
    values.made["EventBus"] = bus
    values.made["PlansBucket"] = _make_bucket()
    values.made["DeleterRole.RoleId"], values.made["PurgerRole.RoleId"] = DELETER, "AROAQ3EGX5TWPURGERR01"
    return TemplateResources(
        delete_queue_url=values.made["DeleteQueue"],
        dead_letter_queue_url=values.made["DeadLetterQueue"],
        bus_name=bus,
        secret_prefix=values.of({"Ref": "SecretPrefix"}),
        deleter_environment=_environment(template, values, "DeleterFunction"),
        plans_bucket=values.made["PlansBucket"],
        purger_environment=_environment(template, values, "PurgerFunction"),
    )


class Values:
    """What the template's expressions come to: parameters, conditions, and what was made so far."""

    def __init__(self, template: "Mapping[str, Any]", parameters: "Mapping[str, str]") -> None:
        defaults = {name: each.get("Default", "") for name, each in template["Parameters"].items()}
        self._conditions = template["Conditions"]
        self.made: dict[str, Any] = {**PSEUDO, **defaults, **parameters}

    def of(self, node: Any) -> Any:  # noqa: ANN401  # a template holds any value
        """The value of a part of the template; what has none is left out."""
        match node:
            case {"Ref": name}:
                return self.made[name]
            case {"Fn::GetAtt": [name, attribute]}:
                return self.made[f"{name}.{attribute}"]
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda found: str(self.made[found.group(1)]), text)
            case {"Fn::If": [condition, yes, no]}:
                return self.of(yes if self.of(self._conditions[condition]) else no)
            case {"Fn::Not": [condition]}:
                return not self.of(condition)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self.of(parts))
            case {"Fn::Equals": [one, other]}:
                return self.of(one) == self.of(other)
            case dict():
                return {key: value for key, each in node.items() if (value := self.of(each)) is not None}
            case list():
                return [value for each in node if (value := self.of(each)) is not None]
        return node


@cache
def _translated() -> dict[str, Any]:
    return translate()


def _environment(template: "Mapping[str, Any]", values: Values, function: str) -> dict[str, str]:
    variables = values.of(template["Resources"][function]["Properties"]["Environment"]["Variables"])
    return {name: str(value) for name, value in variables.items()}


def _make_bucket() -> str:
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
