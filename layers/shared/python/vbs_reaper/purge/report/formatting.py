"""Format numbers, times and tables for the report."""

from collections.abc import Sequence
from html import escape

from vbs_reaper.purge.calendar.zone import Micros, Zone


def gib(size: float) -> str:
    """Return a size in GiB: `1,234 GiB`."""
    return f"{figure(size)} GiB"


def moment(instant: Micros, zone: Zone) -> str:
    """Return date and time in the zone: `25 Nov 2026, 04:00`."""
    return f"{zone.local(instant):%d %b %Y, %H:%M}".lstrip("0")


def day(instant: Micros, zone: Zone) -> str:
    """Return the date in the zone: `25 Nov 2026`."""
    return f"{zone.local(instant):%d %b %Y}".lstrip("0")


def figure(size: float) -> str:
    """Return a number with at most one decimal: `1,234.5`, `1,234`."""
    return f"{size:,.1f}".removesuffix(".0")


def table_head(caption: str, texts: Sequence[str], numbers: Sequence[str]) -> str:
    """Return the start of a table, up to its body. Columns of text come before columns of numbers."""
    heads = "".join(f'<th scope="col">{text}</th>' for text in texts)
    heads += "".join(f'<th scope="col" class="n">{text}</th>' for text in numbers)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>"


def numbers_of(*values: float) -> str:
    """Return the cells of a table row that contain numbers."""
    return "".join(f'<td class="n">{figure(value)}</td>' for value in values)
