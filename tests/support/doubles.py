"""Fakes that tests control: a clock, in-memory stores and the context of Lambda."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from vbs_reaper.backups.hold_cache import HoldCache
from vbs_reaper.backups.holds import HOLDS, Hold, HoldRecord, read_hold
from vbs_reaper.backups.stored_object import StoredObject
from vbs_reaper.clock import Clock
from vbs_reaper.errors import BucketUnusable

DELETER = "AROAQ3EGX5TWDELETER01"
"""The unique ID of the deleter's role, which SQS reports as the sender (`SenderId`) of its messages."""


class ManualClock:
    """A `Clock` that changes only when a test changes it."""

    def __init__(self, now: datetime = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class LoginStoreInMemory:
    """Login slots of one stack. Implements `clouds.ports.LoginStore`. While `is_unusable`, every call fails."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._tags = itertools.count()
        self.objects: dict[str, StoredObject] = {}
        self.calls: list[str] = []
        self.is_unusable = False

    def read(self, key: str) -> StoredObject | None:
        with self._lock:
            self._called("read")
            return self.objects.get(key)

    def create(self, key: str, body: bytes) -> str | None:
        with self._lock:
            self._called("create")
            return None if key in self.objects else self._put(key, body)

    def replace(self, key: str, body: bytes, tag: str) -> str | None:
        with self._lock:
            self._called("replace")
            return self._put(key, body) if self._has(key, tag) else None

    def delete(self, key: str, tag: str) -> None:
        with self._lock:
            self._called("delete")
            if self._has(key, tag):
                del self.objects[key]

    def _has(self, key: str, tag: str) -> bool:
        return key in self.objects and self.objects[key].tag == tag

    def _put(self, key: str, body: bytes) -> str:
        tag = str(next(self._tags))
        self.objects[key] = StoredObject(body=body, tag=tag, stored_at=self._clock())
        return tag

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.is_unusable:
            raise BucketUnusable("the stack's bucket cannot be read under logins/ (AccessDenied)")


class HoldStoreInMemory:
    """Holds of one stack. Implements `backups.ports.HoldStore`. While `is_unusable`, every listing fails."""

    def __init__(self) -> None:
        self.records: dict[str, HoldRecord | None] = {}
        self.listings = 0
        self.reads: list[str] = []
        self.is_unusable = False

    def put(self, name: str, record: HoldRecord | None = None) -> None:
        self.records[name] = record

    def list_holds(self) -> list[Hold]:
        self.listings += 1
        if self.is_unusable:
            raise BucketUnusable("the stack's bucket cannot be listed under holds/ (AccessDenied)")
        read = (read_hold(HOLDS + name) for name in self.records)
        return [hold for hold in read if hold is not None]

    def read_record(self, hold: Hold) -> HoldRecord | None:
        self.reads.append(hold.name)
        return self.records.get(hold.name)


def no_holds(clock: Clock) -> HoldCache:
    """Return a cache over an empty store."""
    return HoldCache(HoldStoreInMemory(), clock)


@dataclass(kw_only=True)
class FakeLambdaContext:
    """The context of a Lambda invocation. Each read of the remaining time reduces it by `cost_per_read_ms`."""

    remaining_ms: int = 60_000
    cost_per_read_ms: int = 0
    function_name: str = "vbs-reaper-DeleterFunction"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:vbs-reaper-DeleterFunction"
    aws_request_id: str = "8f507cfc-4f5e-4a3e-b0c2-2a6f9d1e7c54"
    tenant_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
        left = self.remaining_ms
        self.remaining_ms = max(0, left - self.cost_per_read_ms)
        return left
