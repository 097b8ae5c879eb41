"""Compares when a plan states that it was made with when the plan store received it."""

from datetime import datetime, timedelta
from typing import Final

from vbs_reaper.errors import InvalidPlan
from vbs_reaper.purge.calendar.zone import Micros, to_datetime, to_micros, to_text

STORED_WITHIN: Final = timedelta(minutes=30)
"""A plan is stored by the invocation that makes it, and an invocation of a Lambda function ends after 15 minutes."""
CLOCKS_APART: Final = timedelta(minutes=5)
"""How much earlier than it was made a plan may appear to be stored: the times come from two clocks, and S3 shows whole
seconds."""


def check_storage_time(made_at: Micros, stored_at: datetime) -> None:
    """Compare when a plan states that it was made with when the plan store received it.

    Everyone who can write to the plan store can write any plan, but cannot choose the time at which the store receives
    it.

    Raises:
        InvalidPlan: the times are too far apart for a plan that was stored by the purger.
    """
    delay = stored_at - to_datetime(made_at)
    if not -CLOCKS_APART <= delay <= STORED_WITHIN:
        raise InvalidPlan(
            f"the plan states that it was made at {to_text(made_at)}, but it was stored at "
            f"{to_text(to_micros(stored_at))}; the purger stores a plan within 30 minutes, so find out who wrote this "
            "one, then run the policy with another scheduled_time"
        )
