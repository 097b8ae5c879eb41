"""What the calls to a cloud need of the world: where secrets are kept, and who counts the calls."""

from typing import Protocol

from vbs_reaper.openstack.answer import Operation
from vbs_reaper.openstack.secret import StoredSecret


class TargetSecrets(Protocol):
    """The secrets of all targets, by name."""

    def read(self, target: str) -> StoredSecret:
        """Read the current version, from where it is stored and not from memory.

        Raises:
            SecretUnusable: it is missing or may not be read.
        """
        ...


class Calls(Protocol):
    """Hears of every call to a cloud, logins and repeats included; must not raise."""

    def answered(self, operation: Operation, status_code: str, seconds: float) -> None:
        """A call ended: with a status, or with what stands in its place (`ConnectTimeout` …)."""
        ...
