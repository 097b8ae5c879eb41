"""The JSON of a stored plan, and the conversion between it and a `Plan`."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vbs_reaper.backups.answer import Service
from vbs_reaper.purge.calendar.zone import Micros, to_text
from vbs_reaper.purge.forecast.advice import Advice
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_summary import Difference, Group, Totals
from vbs_reaper.purge.planned_backup import SIZE_LIMIT_GIB, PlannedBackup
from vbs_reaper.purge.policy import PurgePolicy, read_policy
from vbs_reaper.purge.rules.guards import GuardReading
from vbs_reaper.reasons import Reason
from vbs_reaper.timestamps import read_micros

FORMATS: Final = (1, 2)
"""The versions of the JSON format that can be read. New plans have the last one, whose header is in front."""

Size = Annotated[int, Meta(ge=0, lt=SIZE_LIMIT_GIB)] | Annotated[float, Meta(ge=0, lt=SIZE_LIMIT_GIB)]
"""In GiB."""

_NUMBER_LIMIT: Final = 10**18
"""Exclusive limit of the counts, sizes and instants of a plan. Larger ones could not be shown in a page or an event."""

_TIMESTAMP_KEYS: Final = frozenset({"last_made_at", "frees_at"})
"""Members of `Difference` and `Advice` that are microseconds in a `Plan` and RFC 3339 texts in JSON."""


class StoredBackup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One backup of a stored plan. If `keep` is false it is to be deleted, from `due_at` on."""

    id: str
    volume_id: str | None
    name: str | None
    status: str | None
    created_at: str | None
    size: Size | None
    incremental: bool | None
    group: str | None
    in_set: bool
    keep: bool
    reasons: Annotated[tuple[Reason, ...], Meta(min_length=1)]
    detail: str | UnsetType = UNSET
    selected_since: str | UnsetType = UNSET
    due_at: str | UnsetType = UNSET


class StoredPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The JSON document `plans/<policy>/<run>.json`."""

    format: int
    sha256: str
    run: str | None
    made_at: str
    policy: dict[str, Any]
    service: Service
    project_id: str | None
    hold_marker: str
    backups: list[StoredBackup]
    groups: tuple[Group, ...]
    totals: Totals
    guards: tuple[GuardReading, ...]
    difference: dict[str, Any] | None
    advice: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    endpoint: str | UnsetType = UNSET
    """The root of the service that listed the backups. Missing in plans of earlier versions."""


class StoredPlanHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The two members of the document that are needed to choose a plan. All others are ignored."""

    policy: dict[str, Any]
    made_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHeader:
    """The policy of a plan and when it was made, as the document states them. The sha256 was not checked."""

    policy: PurgePolicy
    made_at: Micros


def to_plan_header(stored: StoredPlanHeader) -> PlanHeader:
    """Convert the JSON to a header.

    Raises:
        ValueError: a value that a plan cannot have.
    """
    return PlanHeader(policy=read_policy(stored.policy), made_at=_read_micros(stored.made_at))


def to_plan(stored: StoredPlan) -> Plan:
    """Convert the JSON to a plan. The caller must check that the document was not changed.

    Raises:
        ValueError: an unknown format, or a value that a plan cannot have.
    """
    if stored.format not in FORMATS:
        raise ValueError(f"its format is {stored.format}; only the formats {FORMATS[0]} to {FORMATS[-1]} are supported")
    _check_numbers(*stored.guards, *stored.groups, stored.totals)
    return Plan(
        policy=read_policy(stored.policy),
        run=stored.run,
        made_at=_read_micros(stored.made_at),
        service=stored.service,
        project_id=stored.project_id,
        hold_marker=stored.hold_marker,
        backups=list(map(BackupReader().read, stored.backups)),
        groups=stored.groups,
        totals=stored.totals,
        guards=stored.guards,
        difference=None if stored.difference is None else msgspec.convert(_with_micros(stored.difference), Difference),
        advice=tuple(msgspec.convert(_with_micros(advice), Advice) for advice in stored.advice),
        warnings=stored.warnings,
        sha256=stored.sha256,
        endpoint=None if stored.endpoint is UNSET else stored.endpoint,
        format=stored.format,
    )


def _check_numbers(*parts: msgspec.Struct) -> None:
    for part in parts:
        for value in msgspec.structs.astuple(part):
            if isinstance(value, int | float) and abs(value) >= _NUMBER_LIMIT:
                raise ValueError("it contains a number that is too large")


def to_stored_backup(row: PlannedBackup) -> StoredBackup:
    """Convert a backup of a plan to JSON."""
    return StoredBackup(
        id=row.id,
        volume_id=row.volume_id,
        name=row.name,
        status=row.status,
        created_at=None if row.made_at is None else to_text(row.made_at),
        size=row.size,
        incremental=row.incremental,
        group=row.group,
        in_set=row.in_set,
        keep=row.keep,
        reasons=row.reasons,
        detail=UNSET if row.detail is None else row.detail,
        selected_since=UNSET if row.selected_since is None else _to_cached_text(row.selected_since),
        due_at=UNSET if row.due_at is None else _to_cached_text(row.due_at),
    )


class BackupReader:
    """Converts the backups of one plan from JSON. Equal values are stored once, as `Selection` does."""

    def __init__(self) -> None:
        self._shared: dict[Any, Any] = {}

    def read(self, row: StoredBackup) -> PlannedBackup:
        """Convert a backup from JSON.

        Raises:
            ValueError: a value that a plan cannot have.
        """
        share = self._shared.setdefault
        return PlannedBackup(
            id=row.id,
            volume_id=share(row.volume_id, row.volume_id),
            name=row.name,
            status=share(row.status, row.status),
            made_at=None if row.created_at is None else _read_micros(row.created_at),
            size=row.size,
            incremental=row.incremental,
            group=share(row.group, row.group),
            in_set=row.in_set,
            keep=row.keep,
            reasons=share(row.reasons, row.reasons),
            detail=None if row.detail is UNSET else row.detail,
            selected_since=None if row.selected_since is UNSET else _read_cached_micros(row.selected_since),
            due_at=None if row.due_at is UNSET else _read_cached_micros(row.due_at),
        )


def with_text_timestamps(part: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a `Difference` or `Advice`, with timestamps as RFC 3339 text."""
    fields = msgspec.structs.asdict(part)
    return {key: to_text(v) if key in _TIMESTAMP_KEYS and v is not None else v for key, v in fields.items()}


def _with_micros(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _read_micros(v) if key in _TIMESTAMP_KEYS and v is not None else v for key, v in fields.items()}


@lru_cache(maxsize=1024)
def _to_cached_text(instant: Micros) -> str:
    """Format an instant. Cached, because the backups of a plan share a few values of `selected_since` and `due_at`."""
    return to_text(instant)


@lru_cache(maxsize=1024)
def _read_cached_micros(text: str) -> Micros:
    """Read an instant, as `_to_cached_text` formats it."""
    return _read_micros(text)


def _read_micros(text: object) -> Micros:
    micros = read_micros(text)
    if micros is None:
        found = f'"{text[:40]}"' if isinstance(text, str) else f"a value of type {type(text).__name__}"
        raise ValueError(f"{found} is not a timestamp")
    return micros
