"""Why a policy is refused, in a sentence that names the key, what is wrong with it, and what to write instead."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

import msgspec
from msgspec import UNSET

from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.words import RULES
from vbs_reaper.purge.words import refuse_unknown


class PolicyRefused(ValueError):
    """The policy cannot be used; the message is one sentence that names key, finding and fix."""


def check_keys(document: Mapping[str, Any], keys: Mapping[str, Sequence[str]]) -> None:
    """Refuse a key that no part has, a part that is empty, and a needed part that is missing; `keys` by part."""
    for key in document:
        refuse_unknown("", key, keys, PolicyRefused)
    for part in ("match", "keep", "guards", "group_by"):
        value = document.get(part, UNSET)
        if not isinstance(value, Mapping):
            continue
        for key in value:
            refuse_unknown(part, key, keys, PolicyRefused)
        if not value:
            raise PolicyRefused(f'"{part}" is empty, which never means all; {_HINTS[part]}')
    for part in ("policy", "match", "keep"):
        if part not in document:
            raise PolicyRefused(f'"{part}" is missing; {_HINTS[part]}')


_HINTS: Final = {
    "policy": 'give the policy a name, such as "nightly"',
    "match": 'say which backups the policy is about, such as {"name": "daily-*"} or {"status": ["available"]}',
    "keep": 'say which backups stay, such as {"last": 3, "daily": 7}',
    "guards": "leave it out for the defaults",
    "group_by": 'give "volume", "name" or {"name": "<expression with one group>"}',
}


_A_COUNT = "give a count of at least 1; a rule that would keep nothing is left out"
_A_SPAN = "give a duration such as 48h, 7d or 1y6m"

_LEAF_HINTS: Final = {
    "match.status": 'give "available", "error" or both: nothing else is ever deleted',
    "match.name": "give a shell pattern such as daily-*, or a list of them",
    "match.volume": "give the volume's id, or a list of them",
    "group_by.name": "give a regular expression with one group, such as ^(\\w+)-",
    "target": 'give the name that its secret has after the prefix, such as "otc-prod"',
    "mode": 'give "preview" or "purge"',
    "max_fraction": "give a part of the policy's set, above 0 and at most 1",
    "timezone": 'give a name of the tz database, such as "Europe/Berlin"',
    "older_than": _A_SPAN,
    "max_newest_age": _A_SPAN,
    "grace": _A_SPAN,
    **{f"keep.{name}": _A_COUNT for name in RULES},
    **{f"keep.within{end}": _A_SPAN for end in ("", *(f"_{name}" for name in RULES[1:]))},
    **dict.fromkeys(("max_deletions", "min_kept_per_group"), _A_COUNT),
}


def explain(error: msgspec.ValidationError) -> str:
    """Msgspec's finding as a sentence with a hint what to write."""
    text, _, path = str(error).rpartition(" - at `$")
    where = path.rstrip("`").lstrip(".")
    part = where.partition("[")[0]
    hint = _HINTS.get(part) or next((hint for end, hint in _LEAF_HINTS.items() if part.endswith(end)), "")
    found = (
        printable(text).replace("`", "").replace("Expected", "expected").replace("Invalid enum value", "no such value:")
    )
    return f'"{where}": {found}' + (f"; {hint}" if hint else "")
