"""What a purge policy keeps of a list, implemented from functions/PURGING.md in the simplest way."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.simulation.cloud import Project
from tests.simulation.timeline import DAY, HOUR, seconds_of
from tests.simulation.wanted import is_held, lacks_a_field
from vbs_reaper.timestamps import read_instant

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of a policy on a list: the selected backups with their survivors, and whether a guard refuses."""

    policy: Row
    project: Project
    made_s: float
    rows: dict[str, Row]
    selected: frozenset[str]
    survivors: dict[str, list[str]]
    """The survivors by selected backup."""
    certain: frozenset[str]
    """What is selected even if the purger has seen every hold of the last minutes."""
    is_refused: bool
    """Whether a guard refuses even then."""
    may_be_refused: bool

    @property
    def grace_s(self) -> float:
        return span_s(self.policy.get("grace", "0h"))


def read_policy_on(
    policy: Row, project: Project, rows: list[Row], moment: datetime, held: tuple[frozenset[str], frozenset[str]]
) -> Reading:
    """Apply a policy to a complete list, at a time of the clock of the function.

    `held` are the backups with a hold in the bucket that the purger must have seen, and those that it may have seen.
    """
    guards = {"max_deletions": 200, "max_fraction": 0.25, "min_kept_per_group": 1} | policy.get("guards", {})
    matched = [row for row in rows if _is_matched(policy, row, project, moment)]
    volumes: defaultdict[str, list[Row]] = defaultdict(list)
    for row in matched:
        volumes[row["volume_id"]].append(row)
    selected, certain = set[str](), set[str]()
    survivors: dict[str, list[str]] = {}
    for members in volumes.values():
        copies = sorted((row for row in members if row["status"] == "available"), key=_age, reverse=True)
        least = guards["min_kept_per_group"]
        zone = ZoneInfo(policy.get("timezone", "UTC"))
        kept = _kept(policy["keep"], copies, least, zone)
        of_days = _kept_of_days(policy["keep"], copies, zone)
        survivors |= {row["id"]: _survivors(row, copies, of_days) for row in members}
        if not _is_stale(guards, copies, moment):
            going = [row for row in members if row["id"] not in kept and not is_held(row, project)]
            going_ids = {row["id"] for row in going if not _is_young(policy, row, moment)}
            selected |= going_ids - held[0]
            certain |= going_ids - held[1]
    if project.api_version == "v3":
        selected -= needed_of(rows, selected)
        certain -= needed_of(rows, certain)
    return Reading(
        policy=policy,
        project=project,
        made_s=seconds_of(moment),
        rows={row["id"]: row for row in rows},
        selected=frozenset(selected),
        survivors=survivors,
        certain=frozenset(certain),
        is_refused=_is_too_much(guards, matched, certain),
        may_be_refused=_is_too_much(guards, matched, selected),
    )


def _is_matched(policy: Row, row: Row, project: Project, moment: datetime) -> bool:
    if lacks_a_field(row) or (project.api_version == "v3" and not isinstance(row.get("metadata"), dict)):
        return False
    pattern = policy["match"].get("name")
    if pattern is not None and (row["name"] is None or not fnmatchcase(row["name"], pattern)):
        return False
    return row["status"] in policy["match"].get("status", ["available"]) and made(row) <= moment


def _kept(keep: Row, copies: list[Row], least: int, zone: ZoneInfo) -> set[str]:
    """Return what the rules keep of a group, given newest first."""
    return {row["id"] for row in copies[: max(least, keep.get("last", 0))]} | _kept_of_days(keep, copies, zone)


def _kept_of_days(keep: Row, copies: list[Row], zone: ZoneInfo) -> set[str]:
    days: dict[str, str] = {}
    for row in copies:
        days.setdefault(f"{made(row).astimezone(zone):%Y-%m-%d}", row["id"])
    wanted = keep.get("daily", 0)
    kept = set(list(days.values())[:wanted])
    if copies and len(days) < wanted:
        kept.add(copies[-1]["id"])
    return kept


def _survivors(row: Row, copies: list[Row], of_days: set[str]) -> list[str]:
    """Return the survivors of a backup: the next newer copy that a daily rule keeps, and the newest of all."""
    newer = [copy["id"] for copy in copies if _age(copy) > _age(row) and copy["id"] in of_days]
    newest = [copy["id"] for copy in copies[:1]]
    return newest if newer[-1:] == newest else newer[-1:] + newest


def _is_stale(guards: Row, copies: list[Row], moment: datetime) -> bool:
    if "max_newest_age" not in guards:
        return False
    oldest = moment - timedelta(seconds=span_s(guards["max_newest_age"]))
    return not copies or made(copies[0]) < oldest


def _is_young(policy: Row, row: Row, moment: datetime) -> bool:
    span = policy["match"].get("older_than")
    return span is not None and made(row) >= moment - timedelta(seconds=span_s(span))


def needed_of(rows: list[Row], selected: set[str]) -> set[str]:
    """Return what kept incremental backups on Cinder may depend on, back to the previous full backup.

    The order of backups with equal times is unknown, so a full one beside an incremental does not end the chain.
    """
    needed: set[str] = set()
    for row in rows:
        if row["id"] in selected or row.get("is_incremental") is False or not row.get("volume_id"):
            continue
        others = [other for other in rows if other.get("volume_id") == row["volume_id"] and other is not row]
        for moment in sorted({made(other) for other in others if made(other) <= made(row)}, reverse=True):
            there = [other for other in others if made(other) == moment]
            needed |= {other["id"] for other in there}
            is_full = [other["is_incremental"] is False for other in there]
            is_usable = any(
                full and other.get("status") == "available" for full, other in zip(is_full, there, strict=True)
            )
            if moment < made(row) and all(is_full) and is_usable:
                break
    return needed


def _is_too_much(guards: Row, matched: list[Row], selected: set[str]) -> bool:
    if len(selected) > guards["max_deletions"]:
        return True
    losses = Counter(row["volume_id"] for row in matched if row["id"] in selected)
    most = int(Fraction(str(guards["max_fraction"])) * len(matched))
    return max(losses.values(), default=0) > 1 and len(selected) > most


def made(row: Row) -> datetime:
    moment = read_instant(row["created_at"])
    assert moment is not None
    return moment


def _age(row: Row) -> tuple[datetime, str]:
    return made(row), row["id"]


def span_s(text: str) -> float:
    """Return the seconds of `2d` or `36h`. Days have 24 hours: no seed includes a change to or from summer time."""
    found = re.fullmatch(r"(\d+)([dh])", text)
    assert found is not None
    return int(found[1]) * (DAY if found[2] == "d" else HOUR)
