"""The SVG parts of the page: calendars of squares with letters, bars for the guards, and the squares of the legend."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from html import escape
from typing import Final

from vbs_reaper.purge.report.calendar_strips import Day, Strip
from vbs_reaper.purge.report.legend import Mark
from vbs_reaper.purge.rules.guards import GuardReading

PITCH: Final = 16
SIZE: Final = 14
LEFT: Final = 30
TOP: Final = 16
BAR: Final = 260

PATTERNS: Final = (
    '<svg class="vh" aria-hidden="true" width="0" height="0"><defs>'
    '<pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="5" height="5" fill="var(--going)"/><rect width="1.3" height="5" fill="var(--line-goes)"/></pattern>'
    '<pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse">'
    '<rect width="4" height="4" fill="var(--card)"/><circle cx="2" cy="2" r="1.2" fill="var(--grace)"/></pattern>'
    "</defs></svg>"
)
"""Hatched means deleted and dotted means in grace, so that both can be recognized without colour."""


def draw_strip(strip: Strip, deletion_days: Mapping[str, int], label: str) -> Iterator[str]:
    """Draw weeks from left to right with Monday at the top, and a square for each day that has backups."""
    width, height = LEFT + strip.weeks * PITCH, TOP + 7 * PITCH
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    yield f'<svg role="img" {size} aria-label="{escape(label)}">'
    yield from _frame(strip)
    for day in strip.days:
        yield _square(day, strip.start, deletion_days)
    yield "</svg>"


def draw_mark(mark: Mark) -> str:
    """Draw the square of a mark for the legend."""
    return (
        f'<svg class="d {mark.css}" width="16" height="16" aria-hidden="true">'
        f'<rect x="1" y="1" width="14" height="14" rx="2.5"/><text x="8" y="11.5">{mark.letter}</text></svg>'
    )


def draw_guard(guard: GuardReading) -> str:
    """Draw a bar for the due deletions and a line for the limit."""
    most = max(guard.due, guard.allowed, 1)
    value, limit = (round(BAR * part / most, 1) for part in (guard.due, guard.allowed))
    over = " over" if guard.exceeded else ""
    return (
        f'<svg class="bar{over}" role="img" width="{BAR + 4}" height="18" viewBox="0 0 {BAR + 4} 18" '
        f'aria-label="{escape(guard.sentence)}"><rect class="t" x="1" y="4" width="{BAR}" height="10" rx="3"/>'
        f'<rect class="v" x="1" y="4" width="{value}" height="10" rx="3"/>'
        f'<line class="k" x1="{limit + 1}" y1="0" x2="{limit + 1}" y2="18"/></svg>'
    )


def _frame(strip: Strip) -> Iterator[str]:
    """Draw the names of days and months, and the empty background."""
    for weekday, name in ((0, "Mon"), (2, "Wed"), (4, "Fri")):
        yield f'<text class="l" x="0" y="{TOP + weekday * PITCH + 11}">{name}</text>'
    free_from = 0
    for week in range(strip.weeks):
        first = strip.start + timedelta(weeks=week)
        new_month = week == 0 or first.day <= 7
        if new_month and week >= free_from and strip.weeks - week > 1:
            text = f"{first:%b %Y}" if week == 0 or first.month == 1 else f"{first:%b}"
            yield f'<text class="l" x="{LEFT + week * PITCH}" y="10">{text}</text>'
            free_from = week + (4 if len(text) > 3 else 2)
    columns = (f"M{LEFT + week * PITCH} {TOP}h{SIZE}v{7 * PITCH - 2}h-{SIZE}z" for week in range(strip.weeks))
    yield f'<path class="e" d="{"".join(columns)}"/>'


def _square(day: Day, start: date, deletion_days: Mapping[str, int]) -> str:
    weeks, weekday = divmod((day.date - start).days, 7)
    x, y = LEFT + weeks * PITCH, TOP + weekday * PITCH
    part = f'<path d="M{x + SIZE} {y + 6}v8h-8z"/>' if day.is_mixed else ""
    classes = f"d {day.mark.css}" + (" part" if part else "")
    forecast = [deletion_days.get(row.id) for row in day.rows]
    known = [when for when in forecast if when is not None]
    last_deletion = f' data-g="{max(known)}"' if len(known) == len(forecast) and day.mark is not Mark.GOES else ""
    return (
        f'<g class="{classes}"{last_deletion}><title>{escape(day.sentence)}</title>'
        f'<rect x="{x}" y="{y}" width="{SIZE}" height="{SIZE}" rx="2.5"/>'
        f'<text x="{x + 7}" y="{y + 10.5}">{day.mark.letter}</text>{part}</g>'
    )
