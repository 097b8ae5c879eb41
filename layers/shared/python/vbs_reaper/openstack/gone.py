"""Whether the words of a 404 prove that a backup is gone: the id must be it, whatever a server says around it."""

import re
from typing import Final

from vbs_reaper.openstack.backup import BackupId

_UUID: Final = re.compile(r"(?<![0-9A-Za-z-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z-])", re.ASCII)

_WAS: Final = r"(?:(?:could|can|was|is|has)\s+)?"
_NOT_FOUND: Final = r"(?:not|cannot)\s+(?:be\s+|been\s+)?found"
_WITH_ID: Final = r"(?:\w+\W+){0,2}?\{id\}"
_GONE: Final = (
    re.compile(rf"\bbackup\W+{_WITH_ID}\W+{_WAS}{_NOT_FOUND}"),
    re.compile(rf"\bbackup\s+{_WAS}{_NOT_FOUND}\W+{_WITH_ID}"),
)
"""Servers name the id before or after."""
_OF_A_BACKUP: Final = re.compile(r"\b(?:of|for|from)\s+(?:\w+\s+)?backup\b|\bservice\b")
"""Something else is missing: a backup's volume, or who could tell of it."""


def says_gone(message: str, backup_id: BackupId) -> bool:
    """Whether the backup asked for, and nothing else of it or near it, is said not to be found."""
    if _UUID.findall(message) != [backup_id]:
        return False
    words = message.lower().replace(backup_id, "{id}")
    return any(gone.search(words) for gone in _GONE) and not _OF_A_BACKUP.search(words)
