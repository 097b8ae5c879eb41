"""Which backups a policy is about: yes, no, or not to be told from the answer. What cannot be told, stays."""

import re
from collections.abc import Callable
from typing import Any
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.deletion.request import is_backup_id
from vbs_reaper.openstack.backup import OWNED_BY_ANOTHER_SERVICE
from vbs_reaper.openstack.backup import OWNER_FIELDS
from vbs_reaper.openstack.backup import Backup
from vbs_reaper.openstack.backup import OddBackup
from vbs_reaper.openstack.backup import Status
from vbs_reaper.openstack.backup import read_instant
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.name_pattern import compile_patterns
from vbs_reaper.purge.planned import SIZE_LIMIT_GIB
from vbs_reaper.purge.planned import UNKNOWN_DATA
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.policy import NamePart
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.time.zone import FAR_AHEAD
from vbs_reaper.purge.time.zone import LONG_AGO
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import to_micros

_BUSY: Final = frozenset({Status.CREATING, Status.RESTORING, Status.DELETING})
_KNOWN: Final = frozenset(Status) - {Status.UNKNOWN}
_OWN_SERVICES: Final = frozenset({0, 4})

Verdict = tuple[Reason, str | None]
"""Why a backup is left alone, and in which respect."""


class Selection:
    """The policy's set over an inventory at one moment."""

    def __init__(self, policy: PurgePolicy, inventory: Inventory, now: Micros) -> None:
        self._inventory = inventory
        self._now = now
        self._with_errors = policy.match.with_errors
        self._with_available = policy.match.with_available
        self._volumes = None if policy.match.volume is UNSET else frozenset(policy.match.volume)
        self._matches_name = compile_patterns(policy.match.names) if policy.match.names else None
        self._key = _group_key(policy)
        self._shared: dict[Any, Any] = {}
        self._shows_data_times = False
        self._without_data_time: list[PlannedBackup] = []

    def read(self, backup: Backup) -> PlannedBackup:
        """Take what a plan needs of a record. `keep` and `reasons` are final unless it is `in_set`."""
        share = self._shared.setdefault
        made_at = self._made_at(backup.created_at_text)
        planned = PlannedBackup(
            id=backup.id,
            volume_id=share(backup.volume_id, backup.volume_id) or None,
            name=backup.name if isinstance(backup.name, str) else None,
            status=share(backup.status_text, backup.status_text) or None,
            made_at=made_at,
            size=backup.size if isinstance(backup.size, int | float) and 0 <= backup.size < SIZE_LIMIT_GIB else None,
            incremental=None if backup.is_incremental is UNSET else backup.is_incremental,
        )
        if self._inventory.service == "cinder":
            self._read_chain(backup, planned)
        verdict = self._not_in_set(backup, made_at, planned)
        if verdict is None:
            planned.in_set = True
            if backup.is_held(self._inventory.hold_marker):
                planned.reasons = share((Reason.HELD,), (Reason.HELD,))
        else:
            planned.reasons = share((verdict[0],), (verdict[0],))
            planned.detail = verdict[1]
        return planned

    def settle_data_times(self) -> None:
        """Decide, once all are read, what a missing data time means: unknown if any other record has one.

        If none has, this is a Cinder from before there were data times: it went by creation.
        """
        if self._shows_data_times:
            for planned in self._without_data_time:
                planned.data_at = UNKNOWN_DATA
        self._without_data_time = []

    def _read_chain(self, backup: Backup, planned: PlannedBackup) -> None:
        """Take what tells which backup an incremental one may be built on."""
        planned.has_dependents = backup.has_dependent_backups is True
        if backup.data_timestamp is UNSET:
            if backup.snapshot_id is UNSET or backup.snapshot_id is None:
                self._without_data_time.append(planned)
            else:
                planned.data_at = UNKNOWN_DATA
            return
        self._shows_data_times = True
        moment = read_instant(backup.data_timestamp)
        data_at = UNKNOWN_DATA if moment is None else min(max(to_micros(moment), LONG_AGO), UNKNOWN_DATA)
        planned.data_at = None if data_at == planned.made_at else data_at

    def _not_in_set(self, backup: Backup, made_at: Micros | None, planned: PlannedBackup) -> Verdict | None:
        """Why the backup does not belong to the policy's set; None where it does."""
        if not self._may_match(backup):
            return Reason.NOT_MATCHED, None
        group = self._key(backup)
        planned.group = self._shared.setdefault(group, group)
        return (
            self._unknown(backup, made_at)
            or self._foreign(backup)
            or self._wrong_status(backup)
            or (None if planned.group else (Reason.NO_GROUP, None))
        )

    def _may_match(self, backup: Backup) -> bool:
        """Whether name and volume match, or cannot be told."""
        if self._volumes is not None and backup.volume_id and backup.volume_id not in self._volumes:
            return False
        if self._matches_name is None or backup.name is UNSET:
            return True
        return backup.name is not None and self._matches_name(backup.name) is not None

    def _unknown(self, backup: Backup, made_at: Micros | None) -> Verdict | None:
        with_metadata = self._inventory.with_metadata
        if (
            made_at is None
            or not is_backup_id(backup.id)
            or not backup.volume_id
            or not backup.status_text
            or backup.name is UNSET
            or backup.description is UNSET
            or (with_metadata and not isinstance(backup.metadata, dict))
            or (isinstance(backup, OddBackup) and self._odd_field(backup))
        ):
            return Reason.UNKNOWN_FIELD, self._unknown_field(backup, made_at)
        if backup.status_text not in _KNOWN:
            return Reason.UNKNOWN_FIELD, "status"
        if made_at > self._now:
            return Reason.CREATED_IN_FUTURE, None
        return None

    def _unknown_field(self, backup: Backup, made_at: Micros | None) -> str:
        missing = backup.missing_field(with_metadata=self._inventory.with_metadata)
        if missing in OWNER_FIELDS and not self._inventory.project_id:
            missing = None
        return missing or ("created_at" if made_at is None else self._odd_field(backup) or "id")

    def _odd_field(self, backup: Backup) -> str | None:
        """A field with an unexpected type that need not be shown, but decides if it is."""
        owner = backup.odd_owner if self._inventory.project_id else None
        return owner or next((name for name in ("metadata", "service_metadata") if name in backup.odd_fields), None)

    def _foreign(self, backup: Backup) -> Verdict | None:
        project = self._inventory.project_id
        if project and backup.owner_other_than(project):
            return Reason.NOT_OWNED, "project"
        if not backup.service_metadata:
            return None
        service = _service_type(backup.service_metadata)
        if service in OWNED_BY_ANOTHER_SERVICE:
            return Reason.NOT_OWNED, "service_metadata"
        return None if service in _OWN_SERVICES else (Reason.UNKNOWN_FIELD, "service_metadata")

    def _wrong_status(self, backup: Backup) -> Verdict | None:
        status = backup.status_text
        if status in _BUSY:
            return Reason.IN_USE, None
        if status == Status.ERROR_DELETING:
            return Reason.DELETION_FAILED, None
        wanted = self._with_errors if status == Status.ERROR else self._with_available
        return None if wanted else (Reason.NOT_MATCHED, None)

    @staticmethod
    def _made_at(text: object) -> Micros | None:
        """When it was made; None where that is missing, unreadable, before there were such backups, or out of reach."""
        moment = read_instant(text)
        made_at = LONG_AGO if moment is None else to_micros(moment)
        return made_at if 0 <= made_at <= FAR_AHEAD else None


class _Service(msgspec.Struct, frozen=True):
    """Of VBS's `service_metadata` only who made the backup; the rest can name encryption keys."""

    kind: int | str | None = msgspec.field(name="ST", default=None)


def _service_type(text: str) -> int | None:
    """`ST`, 0 where the text has none; None where it cannot be read: then nobody knows whose the backup is."""
    try:
        kind = msgspec.json.decode(text.strip(), type=_Service).kind
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if kind is None:
        return 0
    digits = str(kind)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else None


def _group_key(policy: PurgePolicy) -> Callable[[Backup], str | None]:
    """How a backup's group is found; None for one that has none."""
    if policy.group_by == "volume":
        return lambda backup: backup.volume_id or None
    if not isinstance(policy.group_by, NamePart):
        return lambda backup: backup.name or None
    search = re.compile(policy.group_by.name).search

    def part(backup: Backup) -> str | None:
        found = search(backup.name) if backup.name else None
        return found.group(1) or None if found else None

    return part
