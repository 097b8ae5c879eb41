"""The one place that asks what time it is; everything else is told."""

from datetime import UTC
from datetime import datetime


def utc_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
