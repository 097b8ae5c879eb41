"""Holds a document against one of the schemas, as a stranger's validator would."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.infrastructure.schemas.files import FOLDER


def complaints(file_name: str, document: object) -> list[str]:
    """What the schema of that file has against a document; formats are only annotations."""
    return [error.message for error in _validator(file_name).iter_errors(document)]


@cache
def _validator(file_name: str) -> Any:  # noqa: ANN401  # jsonschema has no types
    schema = json.loads((FOLDER / file_name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
