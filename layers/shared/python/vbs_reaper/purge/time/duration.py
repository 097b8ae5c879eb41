"""Spans of time as restic writes them: `1y5m7d2h`, years, months, days and hours by the calendar."""

import re
from dataclasses import dataclass
from functools import cache

UNITS = {"y": "years", "m": "months", "d": "days", "h": "hours"}

_PART = re.compile(r"([0-9]{1,6})([ymdh])", re.ASCII)
_WHOLE = re.compile(r"(?:[0-9]{1,6}[ymdh])+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A span by the calendar: a month is as long as the month it is taken from, a day as long as that day."""

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0


@cache
def read_duration(text: str) -> Duration:
    """Read `1y5m7d2h`: whole numbers, each unit at most once, in any order.

    Raises:
        ValueError: says what is wrong, without naming the key.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError("is no duration; write numbers with y, m, d or h, such as 7d, 48h or 1y6m")
    parts: dict[str, int] = {}
    for number, unit in _PART.findall(text):
        if UNITS[unit] in parts:
            raise ValueError(f'names "{unit}" twice')
        parts[UNITS[unit]] = int(number)
    if not any(parts.values()):
        raise ValueError("is no time at all; give at least 1h")
    return Duration(**parts)
