"""Timestamps as clouds and people write them."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # Cinder's timestamps are in UTC but carry no offset
UTC_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
_FIRST: Final = (datetime.min.replace(tzinfo=UTC) - UTC_EPOCH) // MICROSECOND
_LAST: Final = (datetime.max.replace(tzinfo=UTC) - UTC_EPOCH) // MICROSECOND
"""The bounds of `datetime`: an offset can lead out of them."""


def read_instant(text: object) -> datetime | None:
    """Read an RFC 3339 timestamp, or Cinder's `YYYY-MM-DDTHH:MM:SS[.ffffff]`, which is in UTC; return it in UTC.

    Returns None if the value is neither, or lies outside the calendar because of its offset.
    """
    micros = read_micros(text)
    return None if micros is None else UTC_EPOCH + timedelta(microseconds=micros)


def read_micros(text: object) -> int | None:
    """Read a timestamp as `read_instant` does; return it in microseconds since 1970 UTC. Fast, for long listings."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    if "T" not in text and " " not in text and "T" not in text.upper():
        return None
    micros = (instant - (_EPOCH if instant.tzinfo is None else UTC_EPOCH)) // MICROSECOND
    return micros if _FIRST <= micros <= _LAST else None
