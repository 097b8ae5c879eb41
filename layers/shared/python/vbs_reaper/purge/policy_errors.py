"""Error messages for invalid policies. Each names the key, what is wrong with it and what to write instead."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from vbs_reaper.errors import InvalidPolicy
from vbs_reaper.purge.migration_hints import RULES, reject_unknown
from vbs_reaper.text import printable


def check_keys(document: Mapping[str, Any], keys: Mapping[str, Sequence[str]]) -> None:
    """Check that the policy has only valid keys, no empty part and all required parts.

    `keys` contains the valid keys by part; the part "" is the top level.

    Raises:
        InvalidPolicy: the message names the key and the fix.
    """
    for key in document:
        reject_unknown("", key, keys, InvalidPolicy)
    for part in ("match", "keep", "guards", "group_by"):
        value = document.get(part, UNSET)
        if not isinstance(value, Mapping):
            continue
        for key in value:
            reject_unknown(part, key, keys, InvalidPolicy)
        if not value:
            raise InvalidPolicy(f'"{part}" is empty, which does not mean "all"; {_HINTS[part]}')
    for part in ("policy", "match", "keep"):
        if part not in document:
            raise InvalidPolicy(f'"{part}" is missing; {_HINTS[part]}')


_HINTS: Final = {
    "policy": 'give the policy a name, such as "nightly"',
    "match": 'state which backups the policy applies to, such as {"name": "daily-*"} or {"status": ["available"]}',
    "keep": 'state which backups to keep, such as {"last": 3, "daily": 7}',
    "guards": "leave it out to use the defaults",
    "group_by": 'give "volume", "name" or {"name": "<regular expression with one group>"}',
}


_A_COUNT = "give a whole number of at least 1, or leave it out"
_A_SPAN = "give a duration such as 48h, 7d or 1y6m"

_LEAF_HINTS: Final = {
    "match.status": 'give "available", "error" or both; a backup with another status is never deleted',
    "match.name": "give a shell pattern such as daily-*, or a list of them",
    "match.volume": "give the ID of a volume, or a list of IDs",
    "group_by.name": "give a regular expression with one group, such as ^(\\w+)-",
    "target": 'give the name of the target, which is the name of its secret without the prefix, such as "otc-prod"',
    "mode": 'give "preview" or "purge"',
    "max_volumes_left_without": "give a whole number of volumes, 0 or more",
    "max_fraction": "give a fraction of the matched backups, greater than 0 and at most 1",
    "timezone": 'give a name of the tz database, such as "Europe/Berlin"',
    "older_than": _A_SPAN,
    "include_expiring": "give true to include backups that the cloud itself removes, or leave it out",
    "max_newest_age": _A_SPAN,
    "grace": _A_SPAN,
    "expires_after": _A_SPAN,
    **{f"keep.{name}": _A_COUNT for name in RULES},
    **{f"keep.within{end}": _A_SPAN for end in ("", *(f"_{name}" for name in RULES[1:]))},
    **dict.fromkeys(("max_deletions", "min_kept_per_group"), _A_COUNT),
}


def explain(error: msgspec.ValidationError) -> str:
    """Return the error of msgspec as a sentence, with a hint about what to write."""
    text, _, path = str(error).rpartition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    key = path.partition("[")[0]
    hint = _HINTS.get(key) or next((hint for end, hint in _LEAF_HINTS.items() if key.endswith(end)), "")
    found = (
        printable(text).replace("`", "").replace("Expected", "expected").replace("Invalid enum value", "no such value:")
    )
    return f'"{path}": {found}' + (f"; {hint}" if hint else "")
