"""Adapts the translated template to the differences between ministack and AWS."""

from collections.abc import Iterator, Mapping
from typing import Any

EVENT_SOURCE_MAPPING = "AWS::Lambda::EventSourceMapping"
BATCH_ACTIONS = ("sqs:SendMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage")
"""On AWS, these permissions include the batch operations; ministack requires a permission for each of those."""
DESCRIBE_BUS = "events:DescribeEventBus"
"""ministack checks it against the ARN of a rule of the default bus, not of the event bus."""
GET_MAPPING = "lambda:GetEventSourceMapping"
"""ministack checks the permission to list mappings instead, and none to update one."""
FILTER_LOG = "logs:FilterLogEvents"
"""ministack checks it against the ARN of a log group without the `:*` at the end."""
PRINCIPAL = "aws:PrincipalArn"
"""In ministack, this is the ARN of a function's session, not of its role."""
MATCHES = frozenset({"s3:if-none-match", "s3:if-match"})
"""Condition keys that ministack never sets."""
UNKNOWN = ("AWS::Logs::QueryDefinition",)
"""Resource types that ministack does not support. (It also lacks alarms on several metrics.) No function uses them."""


def adapt_template(translated: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
    """Change a translated template in place and return it."""
    defaults = {name: str(value.get("Default", "")) for name, value in translated["Parameters"].items()}
    translated["Conditions"] = {name: _without_join(one) for name, one in translated["Conditions"].items()}
    known = {name: one for name, one in translated["Resources"].items() if _is_known(one)}
    translated["Resources"] = known
    for resource in known.values():
        if resource["Type"] == EVENT_SOURCE_MAPPING:
            _write_number_out(resource["Properties"], defaults | dict(parameters))
    for resource in known.values():
        if resource["Type"] == "AWS::S3::BucketPolicy":
            document = resource["Properties"]["PolicyDocument"]
            document["Statement"] = [_for_sessions(one) for one in document["Statement"] if not _asks_for_match(one)]
    for statement in _statements(known):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        statement["Action"] = [*actions, *(f"{action}Batch" for action in actions if action in BATCH_ACTIONS)]
        if GET_MAPPING in actions:
            statement["Action"] = "lambda:ListEventSourceMappings"
        if FILTER_LOG in actions:
            statement["Resource"] = [statement["Resource"], _without_streams(statement["Resource"])]
        if DESCRIBE_BUS in actions:
            statement["Resource"] = [statement["Resource"], _as_rule(statement["Resource"])]
    return translated


def _is_known(resource: Mapping[str, Any]) -> bool:
    does_metric_math = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return resource["Type"] not in UNKNOWN and not does_metric_math


def _without_join(condition: Any) -> Any:  # noqa: ANN401  # a condition is a tree of functions
    """Replace a join of a list parameter by the parameter: in ministack it is a string, and joins are not evaluated."""
    match condition:
        case {"Fn::Join": [_, {"Ref": str(name)}]}:
            return {"Ref": name}
        case dict():
            return {key: _without_join(each) for key, each in condition.items()}
        case list():
            return [_without_join(each) for each in condition]
    return condition


def _asks_for_match(statement: Mapping[str, Any]) -> bool:
    return any(MATCHES & keys.keys() for keys in statement["Condition"].values())


def _for_sessions(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statement with the ARN of the sessions instead of that of the role."""
    condition = {
        operator: {key: _sessions(value) if key == PRINCIPAL else value for key, value in keys.items()}
        for operator, keys in statement["Condition"].items()
    }
    return {**statement, "Condition": condition}


def _sessions(role_arns: Mapping[str, Any] | list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_session(role_arn) for role_arn in (role_arns if isinstance(role_arns, list) else [role_arns])]


def _session(role_arn: Mapping[str, Any]) -> dict[str, Any]:
    role, _ = role_arn["Fn::GetAtt"]
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:sts::${{AWS::AccountId}}:assumed-role/${{{role}}}/*"}


def _without_streams(group_arn: Mapping[str, Any]) -> dict[str, Any]:
    group, _ = group_arn["Fn::GetAtt"]
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:${{{group}}}"}


def _as_rule(bus: Mapping[str, Any]) -> dict[str, Any]:
    text, values = bus["Fn::Sub"]
    return {"Fn::Sub": [text.replace(":event-bus/", ":rule/default/"), values]}


def _write_number_out(mapping: dict[str, Any], parameters: Mapping[str, str]) -> None:
    """Insert the value of a parameter as a number: the poller of ministack fails for a string."""
    scaling = mapping.get("ScalingConfig", {})
    if isinstance(scaling.get("MaximumConcurrency"), dict):
        scaling["MaximumConcurrency"] = int(parameters[scaling["MaximumConcurrency"]["Ref"]])


def _statements(resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements of all roles and of all separate policies."""
    for resource in resources.values():
        properties = resource["Properties"] if resource["Type"].startswith("AWS::IAM::") else {}
        for policy in [*properties.get("Policies", []), properties]:
            for statement in policy.get("PolicyDocument", {}).get("Statement", []):
                yield statement.get("Fn::If", [None, statement])[1]
