"""Hints for unknown policy keys: the equivalents of keys of restic, Cloud Custodian, CBR and VBS policies."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from vbs_reaper.purge.calendar.zone import zone_names
from vbs_reaper.text import printable

RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
"""The keep rules that take a count."""

_RESTIC = {
    **{f"keep_{rule}": f'"keep": {{"{rule}": …}}' for rule in RULES},
    "keep_within": '"keep": {"within": "7d"}',
    **{f"keep_within_{rule}": f'"keep": {{"within_{rule}": "7d"}}' for rule in RULES[1:]},
    "keep_tag": 'a hold: "[hold]" in the name or description, or a metadata key "hold"',
    "keep_tags": 'a hold: "[hold]" in the name or description, or a metadata key "hold"',
    "dry_run": '"mode": "preview"',
    "prune": '"mode": "purge"',
    "host": '"match": {"name": "<pattern>"}',
    "path": '"match": {"volume": "<id>"}',
    "tag": '"match": {"name": "<pattern>"}',
    "compact": "none: leave it out",
}

_CUSTODIAN = {
    "policies": "one policy per run: give only the inner one",
    "resource": "none: every policy applies to volume backups; leave it out",
    "filters": '"match": {…} for the backups it applies to and "keep": {…} for those to keep',
    "actions": '"mode": "purge"',
    "skew": '"grace"',
    "age": '"match": {"older_than": "30d"}',
    "days": '"match": {"older_than": "30d"}',
    "hours": '"match": {"older_than": "48h"}',
    "op": 'none: "older_than" always means "older than"',
    "tz": '"timezone"',
    "default_tz": '"timezone"',
    "max_resources": '"guards": {"max_deletions": …}',
    "max_resources_percent": '"guards": {"max_fraction": 0.25}',
    "schedule": "the template parameter PurgeSchedule",
}

_CBR = {
    "max_backups": '"keep": {"last": …}',
    "retention_duration_days": '"keep": {"within": "30d"}',
    "day_backups": '"keep": {"daily": …}',
    "week_backups": '"keep": {"weekly": …}',
    "month_backups": '"keep": {"monthly": …}',
    "year_backups": '"keep": {"yearly": …}',
    "operation_definition": '"keep": {…}',
    "expired_at": '"match": {"include_expiring": true}',
    "operation_type": '"mode": "purge"',
    "trigger": "the template parameter PurgeSchedule",
    "enabled": '"mode": "purge" or "preview"',
}

_VBS = {
    "rentention_num": '"keep": {"last": …}',
    "retention_num": '"keep": {"last": …}',
    "rentention_day": '"keep": {"within": "30d"}',
    "retention_day": '"keep": {"within": "30d"}',
    "remain_first_backup_of_curmonth": '"keep": {"monthly": …}',
    "start_time": "the template parameter PurgeSchedule",
    "frequency": "the template parameter PurgeSchedule",
    "week_frequency": "the template parameter PurgeSchedule",
    "scheduled_policy": '"keep": {…}',
    "backup_policy_name": '"policy"',
}

FOREIGN: Mapping[str, Mapping[str, str]] = {
    "restic": _RESTIC,
    "Cloud Custodian": _CUSTODIAN,
    "CBR": _CBR,
    "VBS policies": _VBS,
}
"""By product: its key, in lower case with underscores, and the equivalent here."""

_OF_KEEP = {
    "days": 'did you mean "daily" (one of each day) or "within": "30d" (all that are younger)?',
    "hours": 'did you mean "hourly" (one of each hour) or "within": "48h" (all that are younger)?',
}
"""Words of Cloud Custodian's filters that mean something else under `keep`."""

_FIXED_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?00)?", re.ASCII)


def reject_unknown(part: str, key: object, keys: Mapping[str, Sequence[str]], error: type[ValueError]) -> None:
    """Raise `error`, with the most similar valid key, if a part of a policy does not have this key.

    `keys` contains the valid keys by part; the part "" is the top level.
    """
    if key in keys[part]:
        return
    path = f'"{part}.{_short(key)}"' if part else f'"{_short(key)}"'
    raise error(f"{path} is not a key of a policy; {_advice(part, str(key), keys)}")


def nearest_zone(name: str) -> str:
    """Return advice for a name that the tz database does not have."""
    if fixed := _FIXED_OFFSET.fullmatch(name):
        sign = "-" if fixed[1] == "+" else "+"
        return f'for a fixed offset write "Etc/GMT{sign}{int(fixed[2])}" (the sign is inverted)'
    same = [zone for zone in zone_names() if zone.lower() == name.lower()]
    area, _, place = name.partition("/")
    # Only in the area that the name states: spelling alone would lead from CEST to EST, another continent.
    places = {} if area in {"", "Etc"} else {zone.removeprefix(f"{area}/"): zone for zone in _zones_in(area)}
    near = same or [places[found] for found in get_close_matches(place, places, n=1, cutoff=0.75)]
    return f'did you mean "{near[0]}"?' if near else 'give a name of the tz database, such as "Europe/Berlin"'


def _zones_in(area: str) -> list[str]:
    return [zone for zone in zone_names() if zone.startswith(f"{area}/")]


def _advice(part: str, key: str, keys: Mapping[str, Sequence[str]]) -> str:
    word = key.strip().lstrip("-").lower().replace("-", "_").replace(" ", "_")
    if word in keys[part]:
        return f'write "{word}"'
    if part == "keep" and word in _OF_KEEP:
        return _OF_KEEP[word]
    for product, equivalents in FOREIGN.items():
        if word in equivalents:
            return f"it comes from {product}; the equivalent here is {equivalents[word]}"
    for other, names in keys.items():
        if word in names:
            return f'it belongs under "{other}"' if other else "it belongs at the top level"
    near = get_close_matches(word, keys[part], n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    place = f'under "{part}"' if part else "at the top level"
    return f"the keys {place} are {', '.join(keys[part])}"


def _short(key: object) -> str:
    return printable(str(key)[:64])
