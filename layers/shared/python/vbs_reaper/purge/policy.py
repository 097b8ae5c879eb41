"""A purge policy: which backups it is about, which of them stay, and the guards. Checked here once, then trusted."""

import re
from collections.abc import Mapping
from typing import Annotated
from typing import Any
from typing import Final
from typing import Literal

import msgspec
from msgspec import UNSET
from msgspec import Meta
from msgspec import UnsetType

from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.name_pattern import PatternRefused
from vbs_reaper.purge.name_pattern import compile_patterns
from vbs_reaper.purge.policy_refusal import PolicyRefused
from vbs_reaper.purge.policy_refusal import check_keys
from vbs_reaper.purge.policy_refusal import explain
from vbs_reaper.purge.time.duration import read_duration
from vbs_reaper.purge.time.zone import zone_names
from vbs_reaper.purge.words import nearest_zone

POLICY_LIMIT_BYTES: Final = 64 * 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_TARGET = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)

Count = Annotated[int, Meta(ge=1, le=1_000_000, description="how many; at least 1")]
DurationText = Annotated[
    str, Meta(description="such as 48h, 7d or 1y6m", extra_json_schema={"pattern": "^([0-9]{1,6}[ymdh])+$"})
]
Deletable = Literal["available", "error"]
NamePattern = Annotated[str, Meta(min_length=1, max_length=255, description="shell pattern: * ? [a-z] [!a-z]")]


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the policy is about: a backup must meet all that is said. `older_than` only spares, it changes no count."""

    name: NamePattern | Annotated[tuple[NamePattern, ...], Meta(min_length=1)] | UnsetType = UNSET
    """Kept as it was written, one pattern or a list: stored plans repeat the policy, and their hash covers it."""
    volume: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)] | UnsetType = UNSET
    status: Annotated[tuple[Deletable, ...], Meta(min_length=1)] | UnsetType = UNSET
    older_than: DurationText | UnsetType = UNSET

    @property
    def names(self) -> tuple[str, ...]:
        """The patterns, of which a name must match one; empty if any name will do."""
        if self.name is UNSET:
            return ()
        return (self.name,) if isinstance(self.name, str) else self.name

    @property
    def with_errors(self) -> bool:
        """Whether failed backups are meant."""
        return self.status is not UNSET and "error" in self.status

    @property
    def with_available(self) -> bool:
        """Whether usable backups are meant."""
        return self.status is UNSET or "available" in self.status


class KeepRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Restic's `forget` rules, per group; a backup that any of them keeps stays."""

    last: Count | UnsetType = UNSET
    hourly: Count | UnsetType = UNSET
    daily: Count | UnsetType = UNSET
    weekly: Count | UnsetType = UNSET
    monthly: Count | UnsetType = UNSET
    yearly: Count | UnsetType = UNSET
    within: DurationText | UnsetType = UNSET
    within_hourly: DurationText | UnsetType = UNSET
    within_daily: DurationText | UnsetType = UNSET
    within_weekly: DurationText | UnsetType = UNSET
    within_monthly: DurationText | UnsetType = UNSET
    within_yearly: DurationText | UnsetType = UNSET


class NamePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Groups by what the one group of a regular expression finds in the name, for volumes that are re-created."""

    name: Annotated[str, Meta(min_length=1, max_length=255, description="regular expression with one group")]


class Guards(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits that refuse a whole run. All are on by default but `max_newest_age`."""

    max_deletions: Count = 200
    max_fraction: Annotated[float, Meta(gt=0, le=1)] = 0.25
    min_kept_per_group: Count = 1
    max_newest_age: DurationText | UnsetType = UNSET


class PurgePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Match + keep + guards, as JSON (DESIGN section 4). `mode` sends nothing unless it says `purge`."""

    policy: Annotated[str, Meta(pattern=f"^{_NAME.pattern}$", description="the policy's name")]
    match: Match
    keep: KeepRules
    target: (
        Annotated[str, Meta(pattern=f"^{_TARGET.pattern}$", description="a configured target's name")] | UnsetType
    ) = UNSET
    mode: Literal["preview", "purge"] = "preview"
    group_by: Literal["volume", "name"] | NamePart = "volume"
    timezone: str = "UTC"
    grace: DurationText | UnsetType = UNSET
    guards: Guards = Guards()

    def selects_like(self, other: "PurgePolicy") -> bool:
        """Whether both choose alike, so that time in the grace under one counts under the other."""
        return all(
            getattr(self, key) == getattr(other, key)
            for key in ("policy", "target", "match", "keep", "group_by", "timezone")
        )


_PARTS: Final[dict[str, type[msgspec.Struct]]] = {
    "": PurgePolicy,
    "match": Match,
    "keep": KeepRules,
    "guards": Guards,
    "group_by": NamePart,
}

KEYS: Final = {part: kind.__struct_fields__ for part, kind in _PARTS.items()}
"""Every key of a policy, by the part that holds it."""


def read_policy(document: object) -> PurgePolicy:
    """Check a decoded policy.

    Raises:
        PolicyRefused: names the key, what is wrong with it and the nearest valid one.
    """
    if not isinstance(document, Mapping):
        raise PolicyRefused('the policy is no JSON object; start with {"policy": "<name>", "match": …, "keep": …}')
    check_keys(document, KEYS)
    try:
        policy = msgspec.convert(_with_tuples(document), PurgePolicy, strict=True)
    except msgspec.ValidationError as error:
        raise PolicyRefused(explain(error)) from None
    _check_name(policy)
    _check_zone(policy)
    _check_patterns(policy)
    _check_expression(policy)
    _check_durations(policy)
    return policy


def is_policy_name(text: str) -> bool:
    """Whether a policy may be named so; also a part of the key its plans are stored under."""
    return _NAME.fullmatch(text) is not None


def _with_tuples(document: Mapping[str, Any]) -> dict[str, Any]:
    """Let one volume or status stand without its list."""
    match = document["match"]
    if not isinstance(match, Mapping):
        return dict(document)
    listed = {
        key: [value] if isinstance(value, str) else value for key, value in match.items() if key in ("volume", "status")
    }
    return {**document, "match": {**match, **listed}}


def _check_name(policy: PurgePolicy) -> None:
    if not is_policy_name(policy.policy):
        raise PolicyRefused('"policy" is no name; give up to 63 letters, digits, dots, dashes and underscores')
    if policy.target is not UNSET and not _TARGET.fullmatch(policy.target):
        raise PolicyRefused('"target" is no name; give up to 63 lower-case letters, digits and dashes')


def _check_zone(policy: PurgePolicy) -> None:
    if policy.timezone not in zone_names():
        raise PolicyRefused(
            f'"timezone" is "{printable(policy.timezone[:64])}", which nobody knows; {nearest_zone(policy.timezone)}'
        )


def _check_patterns(policy: PurgePolicy) -> None:
    for position, pattern in enumerate(policy.match.names):
        try:
            compile_patterns([pattern])
        except PatternRefused as refusal:
            key = "match.name" if isinstance(policy.match.name, str) else f"match.name[{position}]"
            raise PolicyRefused(f'"{key}" {refusal}') from None


def _check_expression(policy: PurgePolicy) -> None:
    if not isinstance(policy.group_by, NamePart):
        return
    try:
        groups = re.compile(policy.group_by.name).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise PolicyRefused(f'"group_by.name" is no regular expression: {error}; see Python\'s re') from None
    if groups != 1:
        raise PolicyRefused(
            f'"group_by.name" has {groups or "no"} groups; give exactly one (…), and write (?:…) for any other'
        )


def _check_durations(policy: PurgePolicy) -> None:
    spans = {
        "match.older_than": policy.match.older_than,
        "grace": policy.grace,
        "guards.max_newest_age": policy.guards.max_newest_age,
        **{
            f"keep.{key}": value for key, value in msgspec.structs.asdict(policy.keep).items() if isinstance(value, str)
        },
    }
    for key, span in spans.items():
        if span is UNSET:
            continue
        try:
            read_duration(span)
        except ValueError as error:
            raise PolicyRefused(f'"{key}" {error}') from None
