"""The expected and the existing files of `events/schemas/`."""

import json
from pathlib import Path
from typing import Final

from tests.infrastructure.schemas.messages import EVENTS, REQUEST, EventMessage
from tests.infrastructure.schemas.model_schema import DIALECT, Schema
from tests.infrastructure.schemas.policy import FILE_NAME as POLICY, policy_schema

FOLDER: Final = Path(__file__).parents[3] / "events" / "schemas"


def expected() -> dict[str, str]:
    """Return the expected files: text by name."""
    schemas = {"delete_request.json": {"$schema": DIALECT, "title": "Delete request", **REQUEST}}
    schemas[POLICY] = {"$schema": DIALECT, "title": "Purge policy", **policy_schema()}
    schemas |= {event.file_name: event_schema(event) for event in EVENTS}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def found() -> dict[str, str]:
    """Return the existing files: text by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}


def write() -> None:
    """Write the expected files and delete all others."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in found().keys() - expected().keys():
        (FOLDER / name).unlink()
    for name, text in expected().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def event_schema(event: EventMessage) -> Schema:
    """Return the schema of the event as the target of a rule receives it (EventBridge guide, "Event structure")."""
    text: Schema = {"type": "string"}
    detail = {key: value for key, value in event.detail.items() if key != "$defs"}
    properties = {
        "version": text,
        "id": text,
        "detail-type": {"const": event.detail_type},
        "source": {"const": event.source} if event.source else text,
        "account": text,
        "time": {"type": "string", "format": "date-time"},
        "region": text,
        "resources": {"type": "array", "items": text},
        "detail": detail,
    }
    return {
        "$schema": DIALECT,
        "title": event.detail_type,
        "description": f"Sent when {event.when}." if event.source else "A delete request on the bus, from any source.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": event.detail["$defs"],
    }
