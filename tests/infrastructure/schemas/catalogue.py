"""The table of events for `events/README.md`: one row per detail-type, from the same list as the schemas."""

from tests.infrastructure.schemas.messages import EVENTS, EventMessage

HEAD = ("| detail-type | when | schema |", "|---|---|---|")


def table() -> list[str]:
    """Return the lines of the table."""
    return [*HEAD, *map(_row, EVENTS)]


def _row(event: EventMessage) -> str:
    return f"| `{event.detail_type}` | {event.when} | [{event.file_name}](schemas/{event.file_name}) |"
