"""Words that people bring along from restic, Cloud Custodian, CBR and VBS policies, answered with ours."""

import re
from collections.abc import Mapping
from collections.abc import Sequence
from difflib import get_close_matches

from vbs_reaper.openstack.fault import printable
from vbs_reaper.purge.time.zone import zone_names

RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
"""The keep rules that count."""

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
    "compact": "nothing: leave it out",
}

_CUSTODIAN = {
    "policies": "one policy a run: give the one inside",
    "resource": "nothing: a policy is about volume backups; leave it out",
    "filters": '"match": {…} for what it is about and "keep": {…} for what stays',
    "actions": '"mode": "purge"',
    "skew": '"grace"',
    "age": '"match": {"older_than": "30d"}',
    "days": '"match": {"older_than": "30d"}',
    "hours": '"match": {"older_than": "48h"}',
    "op": 'nothing: "older_than" is always "older than"',
    "tz": '"timezone"',
    "default_tz": '"timezone"',
    "max_resources": '"guards": {"max_deletions": …}',
    "max_resources_percent": '"guards": {"max_fraction": 0.25}',
    "schedule": "the template's parameter PurgeSchedule",
}

_CBR = {
    "max_backups": '"keep": {"last": …}',
    "retention_duration_days": '"keep": {"within": "30d"}',
    "day_backups": '"keep": {"daily": …}',
    "week_backups": '"keep": {"weekly": …}',
    "month_backups": '"keep": {"monthly": …}',
    "year_backups": '"keep": {"yearly": …}',
    "operation_definition": '"keep": {…}',
    "operation_type": '"mode": "purge"',
    "trigger": "the template's parameter PurgeSchedule",
    "enabled": '"mode": "purge" or "preview"',
}

_VBS = {
    "rentention_num": '"keep": {"last": …}',
    "retention_num": '"keep": {"last": …}',
    "rentention_day": '"keep": {"within": "30d"}',
    "retention_day": '"keep": {"within": "30d"}',
    "remain_first_backup_of_curmonth": '"keep": {"monthly": …}',
    "start_time": "the template's parameter PurgeSchedule",
    "frequency": "the template's parameter PurgeSchedule",
    "week_frequency": "the template's parameter PurgeSchedule",
    "scheduled_policy": '"keep": {…}',
    "backup_policy_name": '"policy"',
}

FOREIGN: Mapping[str, Mapping[str, str]] = {
    "restic": _RESTIC,
    "Cloud Custodian": _CUSTODIAN,
    "CBR": _CBR,
    "a VBS policy": _VBS,
}
"""By whose word it is: the word in lower case with underscores, and what says the same here."""


_FIXED = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?00)?", re.ASCII)


def refuse_unknown(part: str, key: object, keys: Mapping[str, Sequence[str]], refusal: type[ValueError]) -> None:
    """Raise `refusal` for a key that the part of a policy does not have, with the nearest valid one."""
    if key in keys[part]:
        return
    shown = f'"{part}.{_short(key)}"' if part else f'"{_short(key)}"'
    raise refusal(f"{shown} is no key of a policy; {_advice(part, str(key), keys)}")


def nearest_zone(name: str) -> str:
    """Advice for a time zone's name that the tz database does not have."""
    if fixed := _FIXED.fullmatch(name):
        return (
            f'for a fixed offset write "Etc/GMT{"-" if fixed[1] == "+" else "+"}{int(fixed[2])}" (its sign is turned)'
        )
    near = get_close_matches(name, zone_names(), n=1, cutoff=0.75)
    return f'did you mean "{near[0]}"?' if near else 'give a name of the tz database, such as "Europe/Berlin"'


def _advice(part: str, key: str, keys: Mapping[str, Sequence[str]]) -> str:
    word = key.strip().lstrip("-").lower().replace("-", "_").replace(" ", "_")
    if word in keys[part]:
        return f'write "{word}"'
    for whose, words in FOREIGN.items():
        if word in words:
            return f"{whose} says so; here it is {words[word]}"
    for other, names in keys.items():
        if word in names:
            return f'it belongs under "{other}"' if other else "it belongs at the top"
    near = get_close_matches(word, keys[part], n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    where = f'under "{part}"' if part else "at the top"
    return f"known {where} are {', '.join(keys[part])}"


def _short(key: object) -> str:
    return printable(str(key)[:64])
