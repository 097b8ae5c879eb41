"""The files of `events/schemas/`: what must be in them, and what is."""

import json
from pathlib import Path
from typing import Final

from tests.infrastructure.schemas.messages import EVENTS, REQUEST, EventMessage
from tests.infrastructure.schemas.model_schema import DIALECT, Schema
from tests.infrastructure.schemas.policy import FILE_NAME as POLICY, policy_schema

FOLDER: Final = Path(__file__).parents[3] / "events" / "schemas"


def wanted() -> dict[str, str]:
    """Every file by its name, with its text."""
    schemas = {"delete_request.json": {"$schema": DIALECT, "title": "Delete request", **REQUEST}}
    schemas[POLICY] = {"$schema": DIALECT, "title": "Purge policy", **policy_schema()}
    schemas |= {event.file_name: event_schema(event) for event in EVENTS}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def found() -> dict[str, str]:
    """Every file there is, with its text."""
    return {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}


def write() -> None:
    """Make the folder hold what it must, and nothing else."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in found().keys() - wanted().keys():
        (FOLDER / name).unlink()
    for name, text in wanted().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def event_schema(event: EventMessage) -> Schema:
    """The whole event as a rule's target gets it (EventBridge guide, "Event structure")."""
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
