"""Stand-ins for what a test must steer: time, and Lambda's context. No mocks."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DELETER = "AROAQ3EGX5TWDELETER01"
"""The unique ID of the deleter's role: SQS names it as the sender of what the deleter sends."""


class ManualClock:
    """A clock that stands until a test moves it. Called, it is a `Clock`."""

    def __init__(self, now: datetime = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(kw_only=True)
class FakeLambdaContext:
    """Lambda's context; each look at the remaining time costs some of it."""

    remaining_ms: int = 60_000
    cost_of_a_look_ms: int = 0
    function_name: str = "vbs-reaper-DeleterFunction"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:vbs-reaper-DeleterFunction"
    aws_request_id: str = "8f507cfc-4f5e-4a3e-b0c2-2a6f9d1e7c54"
    tenant_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
        left = self.remaining_ms
        self.remaining_ms = max(0, left - self.cost_of_a_look_ms)
        return left
