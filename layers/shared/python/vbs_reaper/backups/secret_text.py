"""A text that never shows itself, and the stored secret of a target."""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import NoReturn


class Secret:
    """A text that is shown as `***` by `str`, `repr` and logging, and cannot be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself, for the code that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be copied or pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSecret:
    """One version of a target's secret, as it is stored."""

    version_id: str
    text: Secret
    name: str = ""
    """Its name in the store, for messages."""
    created_at: datetime | None = None
    """When this version was stored."""

    def __str__(self) -> str:
        return f"secret {self.name}" if self.name else "its secret"
