"""Evaluates the translated template with parameters. Unknown values have the form `${DeleteQueue.Arn}`."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeAlias

from tests.infrastructure.combinations import DEFAULTS_ONLY
from tests.infrastructure.translate import translate

Properties: TypeAlias = dict[str, Any]
UNKNOWN = re.compile(r"\$\{([^}]+)\}")
"""A resource or an attribute that exists only after the deployment."""


@cache
def translated() -> Properties:
    """Return the translated template, translated once per process."""
    return translate()


class Rendered:
    """The template with one set of parameters and evaluated conditions."""

    def __init__(self, parameters: Mapping[str, str] = DEFAULTS_ONLY) -> None:
        """Missing parameters have their defaults."""
        template = translated()
        defaults = {name: each.get("Default", "") for name, each in template["Parameters"].items()}
        self._parameters = {**defaults, **parameters}
        self._lists = {name for name, each in template["Parameters"].items() if "List" in each["Type"]}
        self._conditions = template["Conditions"]
        self.resources: dict[str, Properties] = {
            logical_id: self.of(each)
            for logical_id, each in template["Resources"].items()
            if self._exists(each.get("Condition"))
        }
        self.outputs: dict[str, Properties] = self.of(template["Outputs"])

    def every(self, kind: str) -> dict[str, Properties]:
        """Return the properties of every resource of a type such as `SQS::Queue`, by logical ID."""
        return {
            logical_id: each.get("Properties", {})
            for logical_id, each in self.resources.items()
            if each["Type"] == f"AWS::{kind}"
        }

    def of(self, node: Any) -> Any:  # noqa: ANN401  # a template holds any value
        """Return the value of a part of the template. Parts without a value are omitted."""
        match node:
            case {"Ref": str(name), **rest} if not rest:
                return self._value(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return f"${{{name}.{attribute}}}"
            case {"Fn::Sub": [str(text), dict(values)]}:
                return self._filled(text, {name: self.of(value) for name, value in values.items()})
            case {"Fn::Sub": str(text)}:
                return self._filled(text, {})
            case {"Fn::Join": [str(between), parts]}:
                return between.join(self.of(parts))
            case {"Fn::If": [condition, yes, no]}:
                return self.of(yes if self._exists(condition) else no)
            case {"Fn::Select": [index, {"Fn::Split": [str(between), text]}]}:
                parts = self.of(text).split(between)
                return parts[int(index)] if len(parts) > 1 else parts[0]  # known only after the deployment
            case {"Fn::Not": [condition]}:
                return not self.of(condition)
            case {"Fn::And": conditions}:
                return all(self.of(each) for each in conditions)
            case {"Condition": str(name), **rest} if not rest:
                return self._exists(name)
            case {"Fn::Equals": [one, other]}:
                return str(self.of(one)) == str(self.of(other))
            case {"Fn::Split": [str(between), text]}:
                return self.of(text).split(between)
            case dict():
                return {key: value for key, each in node.items() if (value := self.of(each)) is not None}
            case list():
                return [value for each in node if (value := self.of(each)) is not None]
        return node

    def _value(self, name: str) -> Any:  # noqa: ANN401  # a string, a number or a list
        if name == "AWS::NoValue":
            return None
        value = self._parameters.get(name, f"${{{name}}}")
        return [item for item in value.split(",") if item] if name in self._lists else value

    def _filled(self, text: str, values: Mapping[str, Any]) -> str:
        return UNKNOWN.sub(lambda found: str(values[found[1]] if found[1] in values else self._value(found[1])), text)

    def _exists(self, condition: str | None) -> bool:
        return condition is None or bool(self.of(self._conditions[condition]))
