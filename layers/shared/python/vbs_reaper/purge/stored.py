"""The shapes of a stored plan's JSON, and how they become a plan again."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from typing import Any
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec import Meta
from msgspec import UnsetType

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.openstack.backup import read_instant
from vbs_reaper.purge.account import Difference
from vbs_reaper.purge.account import Group
from vbs_reaper.purge.account import Totals
from vbs_reaper.purge.ahead.advice import Advice
from vbs_reaper.purge.inventory import Service
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import SIZE_LIMIT_GIB
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.policy import read_policy
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import to_micros
from vbs_reaper.purge.time.zone import to_text
from vbs_reaper.purge.verdict.guards import GuardReading

FORMAT: Final = 1

Size = Annotated[int, Meta(ge=0, lt=SIZE_LIMIT_GIB)] | Annotated[float, Meta(ge=0, lt=SIZE_LIMIT_GIB)]
"""In GiB."""

_NUMBER_LIMIT: Final = 10**18
"""No count, size or instant of a plan is as large; a larger number could not be drawn or written in an event."""

_INSTANTS: Final = frozenset({"last_made_at", "frees_at"})


class StoredBackup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """One backup of a stored plan. Where `keep` is false it goes, from `due_at` on."""

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
    """The document `plans/<policy>/<run>.json`."""

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


class StoredHead(msgspec.Struct, frozen=True, kw_only=True):
    """Of that document no more than whose plan it is and of when."""

    policy: dict[str, Any]
    made_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Whose plan a document is and of when, as it says and without a proof."""

    policy: PurgePolicy
    made_at: Micros


def to_head(stored: StoredHead) -> Head:
    """The head.

    Raises:
        ValueError: values that no plan has.
    """
    return Head(policy=read_policy(stored.policy), made_at=_instant(stored.made_at))


def to_plan(stored: StoredPlan) -> Plan:
    """The plan as it was; whether it was changed since is for the caller to prove.

    Raises:
        ValueError: a version nobody knows, or values that no plan has.
    """
    if stored.format != FORMAT:
        raise ValueError(f"format {stored.format}, {FORMAT} is known")
    _check_numbers(*stored.guards, *stored.groups, stored.totals)
    return Plan(
        policy=read_policy(stored.policy),
        run=stored.run,
        made_at=_instant(stored.made_at),
        service=stored.service,
        project_id=stored.project_id,
        hold_marker=stored.hold_marker,
        backups=[_planned(row) for row in stored.backups],
        groups=stored.groups,
        totals=stored.totals,
        guards=stored.guards,
        difference=None
        if stored.difference is None
        else msgspec.convert(_with_instants(stored.difference), Difference),
        advice=tuple(msgspec.convert(_with_instants(advice), Advice) for advice in stored.advice),
        warnings=stored.warnings,
        sha256=stored.sha256,
        endpoint=None if stored.endpoint is UNSET else stored.endpoint,
    )


def _check_numbers(*parts: msgspec.Struct) -> None:
    for part in parts:
        for value in msgspec.structs.astuple(part):
            if isinstance(value, int | float) and abs(value) >= _NUMBER_LIMIT:
                raise ValueError("it holds a number that is too large")


def stored(row: PlannedBackup) -> StoredBackup:
    """A backup as the document shows it."""
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
        selected_since=UNSET if row.selected_since is None else _often(row.selected_since),
        due_at=UNSET if row.due_at is None else _often(row.due_at),
    )


def _planned(row: StoredBackup) -> PlannedBackup:
    return PlannedBackup(
        id=row.id,
        volume_id=row.volume_id,
        name=row.name,
        status=row.status,
        made_at=None if row.created_at is None else _instant(row.created_at),
        size=row.size,
        incremental=row.incremental,
        group=row.group,
        in_set=row.in_set,
        keep=row.keep,
        reasons=row.reasons,
        detail=None if row.detail is UNSET else row.detail,
        selected_since=None if row.selected_since is UNSET else _instant(row.selected_since),
        due_at=None if row.due_at is UNSET else _instant(row.due_at),
    )


def with_texts(value: msgspec.Struct) -> dict[str, Any]:
    """A part of the plan with its instants as text."""
    found = msgspec.structs.asdict(value)
    return {key: to_text(v) if key in _INSTANTS and v is not None else v for key, v in found.items()}


def _with_instants(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _instant(v) if key in _INSTANTS and v is not None else v for key, v in value.items()}


@lru_cache(maxsize=1024)
def _often(instant: Micros) -> str:
    """A plan's own few moments, the same for most of its backups."""
    return to_text(instant)


def _instant(text: object) -> Micros:
    moment = read_instant(text)
    if moment is None:
        shown = f'"{text[:40]}"' if isinstance(text, str) else f"a value of type {type(text).__name__}"
        raise ValueError(f"{shown} is no instant")
    return to_micros(moment)
