"""The table's ratios as bars: how much of a peer's cost is left, and where the aim is."""

from collections.abc import Sequence
from html import escape
from typing import Final

from tests.benchmarks.table import Row

_LEFT: Final = 560
_ONE: Final = 150
"""Pixels of a ratio of one: what the peer takes."""
_MOST: Final = 2.4
_VALUES: Final = _LEFT + round(_ONE * _MOST) + 12
_LINE: Final = 26
_TOP: Final = 64
_COLOURS: Final = {"met": "#2e8b57", "missed": "#c05c1e", "": "#5b7a99"}


def draw(rows: Sequence[Row], caption: str) -> str:
    """Draw the rows that have an aim, as SVG."""
    judged = [row for row in rows if row.verdict]
    height = _TOP + _LINE * len(judged) + 16
    width = _VALUES + 120
    peer = _LEFT + _ONE
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' font-family="system-ui, sans-serif" font-size="13" role="img">',
            f"<title>{escape(caption)}</title>",
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="16" y="26" font-size="15" font-weight="600" fill="#1c2733">{escape(caption)}</text>',
            f'<text x="{peer}" y="50" text-anchor="middle" fill="#5b6875">the peer = 1</text>',
            *(_bar(row, _TOP + _LINE * number) for number, row in enumerate(judged)),
            f'<line x1="{peer}" x2="{peer}" y1="56" y2="{height - 12}" stroke="#1c2733" stroke-dasharray="3 3"/>',
            "</svg>",
            "",
        ]
    )


def _bar(row: Row, top: int) -> str:
    length = max(2, round(_ONE * min(row.ratio, _MOST)))
    colour = _COLOURS[row.verdict]
    name = escape(f"{row.part}: {row.name}")
    parts = [
        f'<text x="{_LEFT - 10}" y="{top + 15}" text-anchor="end" fill="#1c2733">{name}</text>',
        f'<rect x="{_LEFT}" y="{top + 3}" width="{length}" height="16" rx="2" fill="{colour}"/>',
        f'<text x="{_VALUES}" y="{top + 15}" fill="{colour}">{row.ratio:.2g} x, {row.verdict}</text>',
    ]
    if row.aim is not None:
        aim = _LEFT + round(_ONE * row.aim)
        parts.append(f'<line x1="{aim}" x2="{aim}" y1="{top}" y2="{top + 22}" stroke="#1c2733" stroke-width="2"/>')
    return "".join(parts)
