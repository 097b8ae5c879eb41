"""Durations in the notation of restic: `1y5m7d2h` is 1 year, 5 months, 7 days and 2 hours by the calendar."""

import re
from dataclasses import dataclass
from functools import cache

UNITS = {"y": "years", "m": "months", "d": "days", "h": "hours"}

_PART = re.compile(r"([0-9]{1,6})([ymdh])", re.ASCII)
_WHOLE = re.compile(r"(?:[0-9]{1,6}[ymdh])+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A duration by the calendar: the length of a month or a day depends on the date to which it is applied."""

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0


@cache
def read_duration(text: str) -> Duration:
    """Read a duration such as `1y5m7d2h`: whole numbers, each unit at most once, in any order.

    Raises:
        ValueError: the text is not a duration. The message starts with a verb; the caller adds the name of the field.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError("is not a duration; write numbers with y, m, d or h, such as 7d, 48h or 1y6m")
    parts: dict[str, int] = {}
    for number, unit in _PART.findall(text):
        if UNITS[unit] in parts:
            raise ValueError(f'contains the unit "{unit}" twice')
        parts[UNITS[unit]] = int(number)
    if not any(parts.values()):
        raise ValueError("is zero; give at least 1h")
    return Duration(**parts)
