"""What the calls to a cloud need: the stored secrets, a counter of calls, and a store that all functions share."""

from typing import Protocol

from vbs_reaper.backups.answer import Operation
from vbs_reaper.backups.secret_text import StoredSecret
from vbs_reaper.backups.stored_object import StoredObject


class TargetSecrets(Protocol):
    """The secrets of all targets, by target name."""

    def read(self, target: str) -> StoredSecret:
        """Read the current version from the store, never from a cache.

        Raises:
            InvalidSecret: it does not exist or cannot be read now.
        """
        ...


class CallMetrics(Protocol):
    """Counts every call to a cloud, including logins and repeats; must not raise."""

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None:
        """Record a call: its status, or what stands in for it (such as `ConnectTimeout`), and its duration."""
        ...


class LoginStore(Protocol):
    """Small objects that all functions of a stack share. Every change is atomic and on a condition.

    Every method raises `BucketUnusable` if the store cannot be used.
    """

    def read(self, key: str) -> StoredObject | None:
        """Return an object; None if it does not exist."""
        ...

    def create(self, key: str, body: bytes) -> str | None:
        """Store an object that does not exist. Returns its tag, or None if it exists."""
        ...

    def replace(self, key: str, body: bytes, tag: str) -> str | None:
        """Replace an object that still has this tag. Returns the new tag, or None if it does not have it."""
        ...

    def delete(self, key: str, tag: str) -> None:
        """Delete an object if it still has this tag."""
        ...
