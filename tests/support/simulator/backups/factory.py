"""Creates backup records, with a default for every field that a test does not set."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.simulator.backups.record import BackupFields, BackupRecord

FIRST_BACKUP_AGE = timedelta(days=30)


class BackupFactory:
    """IDs depend only on the seed. Each backup is one second younger than the one before."""

    def __init__(self, seed: int, now: datetime) -> None:
        self._random = random.Random(seed)
        self._youngest = now - FIRST_BACKUP_AGE

    def new_id(self) -> str:
        """Return an unused ID."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def make(
        self,
        fields: BackupFields,
        *,
        project_id: str,
        owner_of: Callable[[str], str],
        find: Callable[[str], BackupRecord | None],
    ) -> BackupRecord:
        """Return a record, by default in this project, and with the volume of its parent if it has one."""
        self._youngest += timedelta(seconds=1)
        parent = find(fields.get("parent_id") or "")
        given: dict[str, Any] = {
            "id": self.new_id(),
            "volume_id": parent.volume_id if parent else self.new_id(),
            "project_id": project_id,
            "user_id": owner_of(fields.get("project_id", project_id)),
            "created_at": self._youngest,
            "is_incremental": fields.get("parent_id") is not None,
            **fields,
        }
        given["created_at"] = given["created_at"].astimezone(UTC)
        given.setdefault("updated_at", given["created_at"])
        return BackupRecord(**given)
