"""The README's event catalogue: one row for each detail-type, made from the same list as the schemas."""

from tests.schemas.messages import EVENTS
from tests.schemas.messages import EventMessage

HEAD = ("| detail-type | when | schema |", "|---|---|---|")


def table() -> list[str]:
    """The table's lines, as the README must hold them."""
    return [*HEAD, *map(_row, EVENTS)]


def _row(event: EventMessage) -> str:
    schema = f"[{event.file_name}](events/schemas/{event.file_name})"
    return f"| `{event.detail_type}` | {event.when} | {schema} |"
