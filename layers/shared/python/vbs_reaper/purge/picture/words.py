"""Numbers, moments and tables as the page says them."""

from collections.abc import Sequence
from html import escape

from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone

_PLURALS = {"copy": "copies"}


def count(number: int, thing: str) -> str:
    """`1 backup`, `1,200 backups`."""
    return f"{number:,} {thing if number == 1 else _PLURALS.get(thing, thing + 's')}"


def gib(size: float) -> str:
    """`1,234 GiB`."""
    return f"{figure(size)} GiB"


def moment(instant: Micros, zone: Zone) -> str:
    """`25 Nov 2026, 04:00`, in the zone."""
    return f"{zone.local(instant):%d %b %Y, %H:%M}".lstrip("0")


def day(instant: Micros, zone: Zone) -> str:
    """`25 Nov 2026`, in the zone."""
    return f"{zone.local(instant):%d %b %Y}".lstrip("0")


def figure(size: float) -> str:
    """`1,234.5`, without a needless `.0`."""
    return f"{size:,.1f}".removesuffix(".0")


def table_head(caption: str, texts: Sequence[str], numbers: Sequence[str]) -> str:
    """A table up to its body: columns of text, then columns of numbers."""
    heads = "".join(f'<th scope="col">{text}</th>' for text in texts)
    heads += "".join(f'<th scope="col" class="n">{text}</th>' for text in numbers)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>"


def numbers_of(*values: float) -> str:
    """The cells of a row's numbers."""
    return "".join(f'<td class="n">{figure(value)}</td>' for value in values)
