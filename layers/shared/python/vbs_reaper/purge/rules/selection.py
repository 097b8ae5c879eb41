"""Decides to which backups a policy applies. If a record does not show that, the backup is kept."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET

from vbs_reaper.backups.backup import OWNED_BY_ANOTHER_SERVICE, OWNER_FIELDS, Backup, OddBackup, Status
from vbs_reaper.backups.identifiers import UUID
from vbs_reaper.deletion.request_json import NAME_LIMIT, VOLUME_ID_LIMIT
from vbs_reaper.purge.calendar.zone import FAR_AHEAD, LONG_AGO, Micros
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.name_pattern import compile_patterns
from vbs_reaper.purge.planned_backup import AVAILABLE, SIZE_LIMIT_GIB, UNKNOWN_DATA, PlannedBackup, drop_repeats
from vbs_reaper.purge.policy import NamePart, PurgePolicy
from vbs_reaper.reasons import Reason
from vbs_reaper.timestamps import read_micros

_BUSY: Final = frozenset({Status.CREATING, Status.RESTORING, Status.DELETING})
_KNOWN: Final = frozenset(Status) - {Status.UNKNOWN}
_OWN_SERVICES: Final = frozenset({0, 4})

Verdict = tuple[Reason, str | None]
"""Why the policy does not apply to a backup, and a detail such as the name of a field."""


class Selection:
    """Converts the records of an inventory, and decides which of them are in the policy's set: to which it applies."""

    def __init__(self, policy: PurgePolicy, inventory: Inventory) -> None:
        self._inventory = inventory
        self._now: Micros = 0
        self._too_young_from: Micros = 0
        self._rows: list[PlannedBackup] = []
        self._include_expiring = policy.match.include_expiring is True
        self._volumes = None if policy.match.volume is UNSET else frozenset(policy.match.volume)
        self._matches_name = compile_patterns(policy.match.names) if policy.match.names else None
        self._group_of = _group_key(policy)
        self._wrong_statuses = _wrong_statuses(policy)
        self._shared: dict[Any, Any] = {}
        self._shows_data_times = False
        self._without_data_time: list[PlannedBackup] = []

    def add(self, backups: Iterable[Backup], now: Micros) -> None:
        """Read more records, which were listed at `now`. Only the parts that a plan needs are kept."""
        self._now = now
        self._too_young_from = now - self._inventory.minimum_age // timedelta(microseconds=1)
        self._rows.extend(map(self._read, backups))

    def restart(self) -> None:
        """Drop all records: the list begins again."""
        self._rows.clear()
        self._without_data_time.clear()
        self._shows_data_times = False

    def finish(self) -> Sequence[PlannedBackup]:
        """Return every backup once. Call this after all records were read.

        Raises:
            RunRefused: two different backups have the same ID.
        """
        self._settle_data_times()
        rows, self._rows = self._rows, []
        return drop_repeats(rows)

    def _read(self, backup: Backup) -> PlannedBackup:
        """Return the part of a record that a plan needs. `keep` and `reasons` are final if it is not `in_set`."""
        share = self._shared.setdefault
        volume_id, status, name, size = backup.volume_id, backup.status_text, backup.name, backup.size
        made_at = read_micros(backup.created_at_text)
        if made_at is not None and not 0 < made_at <= FAR_AHEAD:  # no backup was made then, so it is unknown
            made_at = None
        planned = PlannedBackup(
            id=backup.id,
            volume_id=share(volume_id, volume_id) or None,
            name=None if name is UNSET else name,
            status=share(status, status) or None,
            made_at=made_at,
            size=None if size is UNSET or size is None or not 0 <= size < SIZE_LIMIT_GIB else size,
            incremental=None if backup.is_incremental is UNSET else backup.is_incremental,
        )
        if self._inventory.service == "cinder":
            self._read_chain(backup, planned)
        verdict = self._verdict_outside_set(backup, planned)
        if verdict is None:
            planned.in_set = True
            verdict = self._kept_by_stack(backup, planned)
        if verdict is not None:
            reason, planned.detail = verdict
            planned.reasons = share((reason,), (reason,))
        return planned

    def _kept_by_stack(self, backup: Backup, planned: PlannedBackup) -> Verdict | None:
        """Return why a backup of the set stays whatever the policy says: it is on hold, or too young for the stack."""
        if backup.is_held(self._inventory.hold_marker):
            return Reason.HELD, None
        hold = self._inventory.find_hold(planned.id, planned.volume_id)
        if hold is not None:
            return Reason.HELD, hold
        if planned.status == AVAILABLE and planned.made_at is not None and planned.made_at > self._too_young_from:
            return Reason.MINIMUM_AGE, None
        return None

    def _settle_data_times(self) -> None:
        """Decide what a missing data timestamp means.

        It means that the age of the data is unknown if any other record has a data timestamp. If no record has one,
        this is an old version of Cinder without data timestamps, which chooses the parent by creation time.
        """
        if self._shows_data_times:
            for planned in self._without_data_time:
                planned.data_at = UNKNOWN_DATA
        self._without_data_time = []

    def _read_chain(self, backup: Backup, planned: PlannedBackup) -> None:
        """Set the fields that are needed to find the backups on which an incremental one may depend."""
        planned.has_dependents = backup.has_dependent_backups is True
        if backup.data_timestamp is UNSET:
            if backup.snapshot_id is UNSET or backup.snapshot_id is None:
                self._without_data_time.append(planned)
            else:
                planned.data_at = UNKNOWN_DATA
            return
        self._shows_data_times = True
        moment = read_micros(backup.data_timestamp)
        data_at = UNKNOWN_DATA if moment is None else min(max(moment, LONG_AGO), UNKNOWN_DATA)
        planned.data_at = None if data_at == planned.made_at else data_at

    def _verdict_outside_set(self, backup: Backup, planned: PlannedBackup) -> Verdict | None:
        """Return why the backup is not in the policy's set; None if it is. Sets `planned.group`."""
        if not self._may_match(backup):
            return Reason.NOT_MATCHED, None
        group = self._group_of(backup)
        planned.group = self._shared.setdefault(group, group)
        field = self._unusable_field(backup, planned.made_at)
        if field is not None:
            return Reason.UNKNOWN_FIELD, field
        if planned.made_at is not None and planned.made_at > self._now:
            return Reason.CREATED_IN_FUTURE, None
        return (
            self._owned_by_another(backup)
            or self._wrong_statuses.get(planned.status)
            or (None if group else (Reason.NO_GROUP, None))
        )

    def _may_match(self, backup: Backup) -> bool:
        """Return whether name and volume match, or are unknown."""
        if self._volumes is not None and backup.volume_id and backup.volume_id not in self._volumes:
            return False
        if self._matches_name is None or backup.name is UNSET:
            return True
        return backup.name is not None and self._matches_name(backup.name) is not None

    def _unusable_field(self, backup: Backup, made_at: Micros | None) -> str | None:
        """Return a field that the decision needs, but that is missing or has an unusable value."""
        missing = backup.missing_field(with_metadata=self._inventory.with_metadata, has_created_at=made_at is not None)
        if missing is not None and (self._inventory.project_id or missing not in OWNER_FIELDS):
            return missing
        if isinstance(backup, OddBackup) and "service_metadata" in backup.odd_fields:
            return "service_metadata"
        if UUID.fullmatch(backup.id) is None:
            return "id"
        # A delete request has limits: it could not state these values as its expectations.
        if backup.volume_id and len(backup.volume_id) > VOLUME_ID_LIMIT:
            return "volume_id"
        if backup.name and len(backup.name) > NAME_LIMIT:
            return "name"
        return None if backup.status_text in _KNOWN else "status"

    def _owned_by_another(self, backup: Backup) -> Verdict | None:
        project = self._inventory.project_id
        if project and backup.owner_other_than(project):
            return Reason.NOT_OWNED, "project"
        remover = backup.removed_by_another()
        if remover and not (self._include_expiring and remover == "expired_at"):
            return Reason.NOT_OWNED, remover
        wider = backup.not_only_a_volume()
        if wider:
            return Reason.NOT_OWNED, wider
        if not backup.service_metadata:
            return None
        service = _service_type(backup.service_metadata)
        if service in OWNED_BY_ANOTHER_SERVICE:
            return Reason.NOT_OWNED, "service_metadata"
        return None if service in _OWN_SERVICES else (Reason.UNKNOWN_FIELD, "service_metadata")


class _ServiceMetadata(msgspec.Struct, frozen=True):
    """The member of VBS's `service_metadata` that shows which service made the backup.

    All others are dropped at once, because they can name encryption keys.
    """

    service_type: int | str | None = msgspec.field(name="ST", default=None)


_SERVICE_METADATA: Final = msgspec.json.Decoder(_ServiceMetadata)


def _service_type(text: str) -> int | None:
    """Return `ST`, or 0 if the text does not contain it. None means that it is unreadable, so the owner is unknown."""
    try:
        service_type = _SERVICE_METADATA.decode(text.strip()).service_type
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if service_type is None:
        return 0
    digits = str(service_type)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else None


def _wrong_statuses(policy: PurgePolicy) -> dict[str | None, Verdict]:
    """Return the statuses that keep a backup out of the policy's set, and why."""
    wrong: dict[str | None, Verdict] = dict.fromkeys(_BUSY, (Reason.IN_USE, None))
    wrong[Status.ERROR_DELETING] = (Reason.DELETION_FAILED, None)
    if not policy.match.with_errors:
        wrong[Status.ERROR] = (Reason.NOT_MATCHED, None)
    if not policy.match.with_available:
        wrong[Status.AVAILABLE] = (Reason.NOT_MATCHED, None)
    return wrong


def _group_key(policy: PurgePolicy) -> Callable[[Backup], str | None]:
    """Return the function that returns the group of a backup, or None if it has none."""
    if policy.group_by == "volume":
        return lambda backup: backup.volume_id or None
    if not isinstance(policy.group_by, NamePart):
        return lambda backup: backup.name or None
    search = re.compile(policy.group_by.name).search

    def part(backup: Backup) -> str | None:
        found = search(backup.name) if backup.name else None
        return found.group(1) or None if found else None

    return part
