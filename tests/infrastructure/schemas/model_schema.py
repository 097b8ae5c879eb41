"""Converts msgspec models to JSON Schema (2020-12), in one object with `$defs`."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PYTHON_END = "$"
_END = "$(?!\\n)"
"""In Python, `$` also matches before a final newline, in JavaScript it does not. This form means the same in both."""


def model_schema(*models: Any) -> Schema:  # noqa: ANN401  # any type that msgspec knows
    """Return the schema of one model, or of exactly one of several."""
    schemas, definitions = msgspec.json.schema_components(models, ref_template="#/$defs/{name}")
    named: Schema = {"$defs": definitions} if definitions else {}
    whole: Schema = _portable((schemas[0] if len(schemas) == 1 else {"oneOf": list(schemas)}) | named)
    return _with_public_names(whole)


def _with_public_names(schema: Schema) -> Schema:
    """Rename classes such as `SomethingJson` to `Something`, their public name."""
    renamed: Schema = json.loads(re.sub(r"\b(\w+)Json\b", r"\1", json.dumps(schema)))
    return renamed


def narrowed(schema: Schema, properties: Mapping[str, Schema], required: Sequence[str] = ()) -> Schema:
    """Return the schema of a model with narrower properties. Unknown properties are an error."""
    name = schema["$ref"].rpartition("/")[2]
    model = schema["$defs"][name]
    unknown = {*properties, *required} - {*model["properties"]}
    if unknown:
        raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
    definitions = dict(schema["$defs"])
    for each in properties.values():
        definitions |= each.get("$defs", {})
    exact = {key: {k: v for k, v in each.items() if k != "$defs"} for key, each in properties.items()}
    definitions[name] = {
        **model,
        "properties": {**model["properties"], **exact},
        "required": [*model["required"], *required],
    }
    return {"$ref": schema["$ref"], "$defs": _reachable(definitions, name)}


def _reachable(definitions: Mapping[str, Schema], name: str) -> dict[str, Schema]:
    """Return a definition and those that it refers to."""
    found: dict[str, Schema] = {}
    expected = [name]
    while expected:
        each = expected.pop(0)
        if each not in found:
            found[each] = definitions[each]
            expected += _references(definitions[each])
    return found


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"].rpartition("/")[2]] if isinstance(node.get("$ref"), str) else []
        return own + [name for each in node.values() for name in _references(each)]
    return [name for each in node for name in _references(each)] if isinstance(node, list) else []


def _portable(node: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(node, dict):
        return {key: _REWRITES.get(key, _portable)(each) for key, each in node.items()}
    return [_portable(each) for each in node] if isinstance(node, list) else node


def _pattern(pattern: Any) -> Any:  # noqa: ANN401  # a property may have the name "pattern"
    if isinstance(pattern, str) and pattern.endswith(_PYTHON_END):
        return pattern.removesuffix(_PYTHON_END) + _END
    return _portable(pattern)


def _description(text: Any) -> Any:  # noqa: ANN401  # a property may have the name "description"
    return " ".join(text.split()) if isinstance(text, str) else _portable(text)


_REWRITES: Final[Mapping[str, Callable[[Any], Any]]] = {"pattern": _pattern, "description": _description}
