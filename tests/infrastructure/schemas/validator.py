"""Validates documents against the schemas with jsonschema."""

import json
from functools import cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from tests.infrastructure.schemas.files import FOLDER
from tests.infrastructure.schemas.messages import EVENTS
from vbs_reaper.deletion.result import SOURCE

FILE_NAMES = {event.detail_type: event.file_name for event in EVENTS}


def validation_errors(file_name: str, document: object) -> list[str]:
    """Return the validation errors of a document. Formats are not checked."""
    return [error.message for error in _validator(file_name).iter_errors(document)]


def event_validation_errors(detail_type: str, detail: object) -> list[str]:
    """Return the validation errors of an event with this detail, encoded by msgspec."""
    event = {
        "version": "0",
        "id": "9819e59f-32cd-4700-b045-40b76a0154ad",
        "detail-type": detail_type,
        "source": SOURCE,
        "account": "123456789012",
        "time": "2026-11-25T04:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": json.loads(msgspec.json.encode(detail)),
    }
    return validation_errors(FILE_NAMES[detail_type], event)


@cache
def _validator(file_name: str) -> Any:  # noqa: ANN401  # jsonschema has no types
    schema = json.loads((FOLDER / file_name).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
