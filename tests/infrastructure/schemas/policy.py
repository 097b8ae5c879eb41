"""The schema of a purge policy: its models, and the additional rules of its parser."""

from typing import Any, Final

from tests.infrastructure.schemas.model_schema import Schema, model_schema
from vbs_reaper.purge.policy import PurgePolicy

FILE_NAME: Final = "purge_policy.json"
ALONE: Final = ("volume", "status")
"""Keys of `match` with a value that may be a single item instead of a list."""
NEVER_ALL: Final = ("Match", "KeepRules", "Guards")
"""The parser rejects empty ones, which would mean "all"."""
DURATION: Final = r"^(?!0*[ymdh](?:0+[ymdh])*$)(?:[0-9]{1,6}([ymdh])(?!.*\1))+$(?!\n)"
"""Each unit at most once, and a total above zero."""


def policy_schema() -> Schema:
    """Return the schema of a policy, in which time zones, regular expressions and patterns are plain strings."""
    schema = model_schema(PurgePolicy)
    definitions = schema["$defs"]
    for name in NEVER_ALL:
        definitions[name]["minProperties"] = 1
    definitions["PurgePolicy"]["description"] = "Match, keep and guards; it sends nothing unless its mode says purge."
    match = definitions["Match"]["properties"]
    for key in ALONE:
        match[key] = _or_alone(match[key])
    return schema | {"$defs": {name: _with_spans(each) for name, each in definitions.items()}}


def _or_alone(listed: Schema) -> Schema:
    return {"anyOf": [listed["items"], listed]}


def _with_spans(node: Any) -> Any:  # noqa: ANN401  # JSON is any value
    """Replace the pattern of durations by a stricter one."""
    if isinstance(node, dict):
        if str(node.get("pattern", "")).startswith("^([0-9]{1,6}"):
            return node | {"pattern": DURATION}
        return {key: _with_spans(each) for key, each in node.items()}
    return node
