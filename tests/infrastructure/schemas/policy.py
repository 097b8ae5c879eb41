"""The purge policy as a schema: what its models say, and what its reader adds to them."""

from typing import Any, Final

from tests.infrastructure.schemas.model_schema import Schema, model_schema
from vbs_reaper.purge.policy import PurgePolicy

FILE_NAME: Final = "purge_policy.json"
ALONE: Final = ("volume", "status")
"""Of `match`: one may stand without its list."""
NEVER_ALL: Final = ("Match", "KeepRules", "Guards")
"""Empty, they would say "all"; the reader refuses them."""
DURATION: Final = r"^(?!0*[ymdh](?:0+[ymdh])*$)(?:[0-9]{1,6}([ymdh])(?!.*\1))+$(?!\n)"
"""Each unit once, and some time in all."""


def policy_schema() -> Schema:
    """The schema of a policy; a time zone's name, a regular expression and a shell pattern are texts to it."""
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
    """Where the model says only how a duration looks, what it may not be besides."""
    if isinstance(node, dict):
        if str(node.get("pattern", "")).startswith("^([0-9]{1,6}"):
            return node | {"pattern": DURATION}
        return {key: _with_spans(each) for key, each in node.items()}
    return node
