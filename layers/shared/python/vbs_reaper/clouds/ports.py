"""What the calls to a cloud need: the stored secrets, and a counter of calls."""

from typing import Protocol

from vbs_reaper.backups.answer import Operation
from vbs_reaper.backups.secret_text import StoredSecret


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
