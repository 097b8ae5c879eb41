"""A purge policy: which backups it applies to, which of them it keeps, and the guards. It is validated once, here."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vbs_reaper.backups.identifiers import TARGET, is_target
from vbs_reaper.errors import InvalidPattern, InvalidPolicy
from vbs_reaper.purge.calendar.duration import read_duration
from vbs_reaper.purge.calendar.zone import zone_names
from vbs_reaper.purge.migration_hints import nearest_zone
from vbs_reaper.purge.name_pattern import compile_patterns
from vbs_reaper.purge.policy_errors import check_keys, explain
from vbs_reaper.text import printable

POLICY_LIMIT_BYTES: Final = 64 * 1024

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)

Count = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number of at least 1")]
DurationText = Annotated[
    str, Meta(description="a duration such as 48h, 7d or 1y6m", extra_json_schema={"pattern": "^([0-9]{1,6}[ymdh])+$"})
]
Deletable = Literal["available", "error"]
NamePattern = Annotated[str, Meta(min_length=1, max_length=255, description="shell pattern: * ? [a-z] [!a-z]")]


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The backups the policy applies to: a backup must meet all conditions that are given.

    `older_than` only protects younger backups from deletion; they still count for the keep rules.
    """

    name: NamePattern | Annotated[tuple[NamePattern, ...], Meta(min_length=1)] | UnsetType = UNSET
    """As written, one pattern or a list, because stored plans contain the policy and their hash covers it."""
    volume: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)] | UnsetType = UNSET
    status: Annotated[tuple[Deletable, ...], Meta(min_length=1)] | UnsetType = UNSET
    older_than: DurationText | UnsetType = UNSET
    include_expiring: bool | UnsetType = UNSET
    """Whether the policy also applies to backups that the cloud itself removes, because they have an `expired_at`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The patterns, one of which the name must match; empty if every name matches."""
        if self.name is UNSET:
            return ()
        return (self.name,) if isinstance(self.name, str) else self.name

    @property
    def with_errors(self) -> bool:
        """Whether the policy applies to failed backups."""
        return self.status is not UNSET and "error" in self.status

    @property
    def with_available(self) -> bool:
        """Whether the policy applies to usable backups."""
        return self.status is UNSET or "available" in self.status


class KeepRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rules of restic's `forget`, applied per group. A backup is kept if at least one rule keeps it."""

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
    """Groups backups by the part of the name that the group of a regular expression captures.

    Useful if volumes are re-created, so that the backups of one system belong to several volumes.
    """

    name: Annotated[str, Meta(min_length=1, max_length=255, description="regular expression with one group")]


class Guards(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits of a run. All are on by default, except `max_newest_age`.

    A run that exceeds `max_deletions`, `max_fraction` or `max_volumes_left_without` is refused as a whole. The other
    two keep backups of a group.
    """

    max_deletions: Count = 200
    max_fraction: Annotated[float, Meta(gt=0, le=1)] = 0.25
    min_kept_per_group: Count = 1
    max_newest_age: DurationText | UnsetType = UNSET
    max_volumes_left_without: Annotated[int, Meta(ge=0, le=1_000_000)] | UnsetType = UNSET
    """Left out means 0. It has no default value, because stored plans contain the policy and their hash covers it."""


class PurgePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A purge policy. A run sends delete requests only if `mode` is `purge`."""

    policy: Annotated[str, Meta(pattern=f"^{_NAME.pattern}$", description="the policy's name")]
    match: Match
    keep: KeepRules
    target: (
        Annotated[str, Meta(pattern=f"^{TARGET.pattern}$", description="a configured target's name")] | UnsetType
    ) = UNSET
    mode: Literal["preview", "purge"] = "preview"
    group_by: Literal["volume", "name"] | NamePart = "volume"
    timezone: str = "UTC"
    grace: DurationText | UnsetType = UNSET
    expires_after: DurationText | UnsetType = UNSET
    guards: Guards = Guards()

    def selects_like(self, other: "PurgePolicy") -> bool:
        """Return whether both select by the same rules. If so, time in grace under one counts under the other."""
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

KEYS: Final = {part: struct.__struct_fields__ for part, struct in _PARTS.items()}
"""The valid keys of a policy, by the part that contains them; the part "" is the top level."""


def read_policy(document: object) -> PurgePolicy:
    """Validate a policy that was decoded from JSON.

    Raises:
        InvalidPolicy: the message names the key, what is wrong with it and what to write instead.
    """
    if not isinstance(document, Mapping):
        raise InvalidPolicy('the policy is not a JSON object; start with {"policy": "<name>", "match": …, "keep": …}')
    check_keys(document, KEYS)
    try:
        policy = msgspec.convert(_with_tuples(document), PurgePolicy, strict=True)
    except msgspec.ValidationError as error:
        raise InvalidPolicy(explain(error)) from None
    _check_name(policy)
    _check_zone(policy)
    _check_patterns(policy)
    _check_expression(policy)
    _check_durations(policy)
    return policy


def is_policy_name(text: str) -> bool:
    """Return whether the text can be the name of a policy, which is also part of the S3 keys of its plans."""
    return _NAME.fullmatch(text) is not None


def _with_tuples(document: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a single volume or status into a list of one."""
    match = document["match"]
    if not isinstance(match, Mapping):
        return dict(document)
    listed = {
        key: [value] if isinstance(value, str) else value for key, value in match.items() if key in ("volume", "status")
    }
    return {**document, "match": {**match, **listed}}


def _check_name(policy: PurgePolicy) -> None:
    if not is_policy_name(policy.policy):
        raise InvalidPolicy(
            '"policy" is not a valid name; use up to 63 letters, digits, dots, dashes and underscores, '
            "starting with a letter or digit"
        )
    if policy.target is not UNSET and not is_target(policy.target):
        raise InvalidPolicy(
            '"target" is not a valid name; use up to 63 lower-case letters, digits and dashes, '
            "starting with a letter or digit"
        )


def _check_zone(policy: PurgePolicy) -> None:
    if policy.timezone not in zone_names():
        raise InvalidPolicy(
            f'"timezone" is "{printable(policy.timezone[:64])}", which is not a known time zone; '
            f"{nearest_zone(policy.timezone)}"
        )


def _check_patterns(policy: PurgePolicy) -> None:
    for position, pattern in enumerate(policy.match.names):
        try:
            compile_patterns([pattern])
        except InvalidPattern as error:
            key = "match.name" if isinstance(policy.match.name, str) else f"match.name[{position}]"
            raise InvalidPolicy(f'"{key}" {error}') from None


def _check_expression(policy: PurgePolicy) -> None:
    if not isinstance(policy.group_by, NamePart):
        return
    try:
        groups = re.compile(policy.group_by.name).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidPolicy(
            f'"group_by.name" is not a valid regular expression: {error}; see the documentation of Python\'s module re'
        ) from None
    if groups != 1:
        raise InvalidPolicy(
            f'"group_by.name" has {groups or "no"} capturing groups; give exactly one (…) and write (?:…) for others'
        )


def _check_durations(policy: PurgePolicy) -> None:
    spans = {
        "match.older_than": policy.match.older_than,
        "grace": policy.grace,
        "expires_after": policy.expires_after,
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
            raise InvalidPolicy(f'"{key}" {error}') from None
