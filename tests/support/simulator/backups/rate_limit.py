"""A limit of calls per minute as in the old rate limiter of Cinder: a leaky bucket per user and method."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MINUTE_S = 60.0


class LimitForm(StrEnum):
    """The form of the response to a call over the limit."""

    CINDER = "cinder"
    """413 with `Retry-After`, and JSON with the content type text/html."""
    GATEWAY = "gateway"
    """429 with the code APIGW.0308 of the gateway, without `Retry-After`."""


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """At most `per_minute` calls of each of these methods by each user. They may all come at once."""

    per_minute: int
    methods: tuple[str, ...] = ("DELETE",)
    form: LimitForm = LimitForm.CINDER
    _levels: dict[tuple[str, str], tuple[float, datetime]] = field(default_factory=dict)

    def wait_s(self, user: str, method: str, now: datetime) -> float:
        """Count this call; return how long the user must wait before it, 0 if it is allowed."""
        if method not in self.methods:
            return 0.0
        level, since = self._levels.get((user, method), (0.0, now))
        level = max(level - (now - since).total_seconds(), 0.0)
        filled = level + (MINUTE_S / self.per_minute if self.per_minute else 2 * MINUTE_S)
        excess = filled - MINUTE_S
        tolerance = 1e-9  # for rounding errors: three thirds of a minute are one minute
        self._levels[user, method] = (level if excess > tolerance else filled, now)
        return max(excess, 0.0) if excess > tolerance else 0.0
