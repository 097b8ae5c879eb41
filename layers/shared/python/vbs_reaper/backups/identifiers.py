"""Identifiers and their patterns. Every other module imports them from here."""

import re
from typing import Final, NewType

BackupId = NewType("BackupId", str)
"""A lower-case canonical UUID, checked where it entered."""

ProjectId = NewType("ProjectId", str)
"""32 lower-case hexadecimal digits."""

UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
PROJECT_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
TARGET: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
"""The name of a configured target, which is also the last part of its secret's name."""


def is_backup_id(value: object) -> bool:
    """Return whether the value is a lower-case canonical UUID."""
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def is_target(value: object) -> bool:
    """Return whether the value can be a target's name."""
    return isinstance(value, str) and TARGET.fullmatch(value) is not None


def is_project_id(text: str) -> bool:
    """Return whether the text is 32 lower-case hexadecimal digits."""
    return PROJECT_ID.fullmatch(text) is not None
