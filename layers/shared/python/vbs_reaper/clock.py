"""The wall clock. Only this module and `cli` read it; all other code gets a `Clock` or the time as an argument."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far a cloud's clock may differ from ours before ages computed from both are not trusted."""

Clock = Callable[[], datetime]
"""Returns the current time, in UTC."""

TimeLeft = Callable[[], float]
"""Returns the seconds left until Lambda ends the invocation."""


def utc_now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(UTC)
