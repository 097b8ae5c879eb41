"""A policy in one sentence, for readers of a plan: what it applies to, what it keeps, when it deletes the rest."""

from typing import Final

from msgspec import UNSET

from vbs_reaper.purge.policy import KeepRules, NamePart, PurgePolicy
from vbs_reaper.text import printable

_PERIODS: Final = ("hourly", "daily", "weekly", "monthly", "yearly")


def describe_policy(policy: PurgePolicy) -> str:
    """Return the sentence. Text from the policy is escaped for a terminal."""
    match = policy.match
    usable = {(True, True): "available and failed", (True, False): "available", (False, True): "failed"}
    which = usable[match.with_available, match.with_errors]
    names = _join([f'"{printable(name)}"' for name in match.names], "or")
    volumes = () if match.volume is UNSET else match.volume
    of = (
        f" of volume {printable(volumes[0])}" if len(volumes) == 1 else f" of {len(volumes)} volumes" if volumes else ""
    )
    scope = f"{which} backups{f' named {names}' if names else ''}{of}"
    scope += ", also those that the cloud itself removes" if match.include_expiring is True else ""
    sentence = f"Of the {scope}, the policy keeps for each {_group(policy)}: {_kept(policy.keep)}"
    if match.with_errors:
        sentence += " (failed ones are not counted)"
    if match.older_than is not UNSET:
        sentence += f", and all that are younger than {match.older_than}"
    when = "" if policy.grace is UNSET else f" after a grace of {policy.grace}"
    return f"{sentence}. It deletes the others{when}."


def _group(policy: PurgePolicy) -> str:
    if isinstance(policy.group_by, NamePart):
        return f'name as "{printable(policy.group_by.name)}" captures it'
    return policy.group_by


def _kept(keep: KeepRules) -> str:
    parts = [] if keep.last is UNSET else [f"the last {keep.last:,}" if keep.last != 1 else "the last one"]
    parts += [f"{value:,} {name}" for name in _PERIODS if (value := getattr(keep, name)) is not UNSET]
    if keep.within is not UNSET:
        parts.append(f"all within {keep.within} of the newest")
    parts += [
        f"{name} ones within {value} of the newest"
        for name in _PERIODS
        if (value := getattr(keep, f"within_{name}")) is not UNSET
    ]
    return _join(parts, "and")


def _join(parts: list[str], word: str) -> str:
    return f" {word} ".join(([", ".join(parts[:-1])] if parts[1:] else []) + parts[-1:])
