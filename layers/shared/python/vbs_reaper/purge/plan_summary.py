"""The summary of a plan: groups, totals, the difference from the last plan, and warnings."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from vbs_reaper.deletion.request_json import SURVIVORS_LIMIT
from vbs_reaper.purge.calendar.zone import Micros
from vbs_reaper.purge.last_plan import LastPlan
from vbs_reaper.purge.planned_backup import PlannedBackup

SPARED_LIMIT: Final = 100
"""Maximum number of backup IDs in `Difference.spared`."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one group, of the backups that the policy applies to.

    `survivors` are the newest copies, newest first. All of them are kept. The survivors that a delete request names are
    chosen for each backup, see `rules.survivors`.
    """

    name: str
    backups: int
    kept: int
    due: int
    survivors: tuple[str, ...] = ()


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a plan, and sizes in GiB.

    `matched` counts the backups that the policy applies to, `selected` those that are to be deleted: they are `due` or
    in grace.
    """

    backups: int
    matched: int
    kept: int
    selected: int
    due: int
    kept_gib: float
    selected_gib: float
    due_gib: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since the last plan of the policy.

    `comparable` is true if that plan selects by the same rules. `spared` backups were selected then and are kept now;
    the first 100 by ID. `last_made_at` is in microseconds since 1970 UTC.
    """

    last_sha256: str | None
    last_made_at: Micros
    comparable: bool
    new_backups: int
    gone_backups: int
    newly_selected: int
    no_longer_selected: int
    spared: tuple[str, ...]


def group_of(name: str, members: Sequence[PlannedBackup], min_kept: int, now: Micros) -> Group:
    """Return the counts and survivors of a group. `members` are given newest first."""
    in_set = [row for row in members if row.in_set]
    return Group(
        name=name,
        backups=len(in_set),
        kept=[row.keep for row in in_set].count(True),
        due=[row.is_due(now) for row in in_set].count(True),
        survivors=tuple(islice((row.id for row in in_set if row.is_copy), min(min_kept, SURVIVORS_LIMIT))),
    )


def totals_of(rows: Sequence[PlannedBackup], now: Micros) -> Totals:
    """Return the counts and sizes of all backups."""
    matched = kept = due = 0
    kept_gib = due_gib = selected_gib = 0.0
    for row in rows:
        matched += row.in_set
        gib = row.gib
        if row.keep:
            kept += 1
            kept_gib += gib
            continue
        selected_gib += gib
        if row.is_due(now):
            due += 1
            due_gib += gib
    return Totals(
        backups=len(rows),
        matched=matched,
        kept=kept,
        selected=len(rows) - kept,
        due=due,
        kept_gib=kept_gib,
        selected_gib=selected_gib,
        due_gib=due_gib,
    )


def difference_of(rows: Sequence[PlannedBackup], last: LastPlan, *, comparable: bool) -> Difference:
    """Return what changed since the last plan, which was remembered in the rows.

    `comparable` states whether that plan selects by the same rules.
    """
    spared = sorted(row.id for row in rows if row.keep and row.was_selected)
    return Difference(
        last_sha256=last.sha256,
        last_made_at=last.made_at,
        comparable=comparable,
        new_backups=sum(row.was_selected is None for row in rows),
        gone_backups=last.gone,
        newly_selected=sum(not row.keep and not row.was_selected for row in rows),
        no_longer_selected=len(spared),
        spared=tuple(spared[:SPARED_LIMIT]),
    )


def warnings_of(totals: Totals, groups: Sequence[Group], *, by_name: bool) -> tuple[str, ...]:
    """Return a warning if no backup is matched, or if most groups have only one backup, which is never deleted.

    `by_name` states whether the policy matches names.
    """
    if totals.backups and not totals.matched:
        hint = ' A name is a shell pattern, such as "daily-*"; upper and lower case differ.' if by_name else ""
        advice = 'check "match" and the reasons in the plan.'
        return (f"None of the {totals.backups:,} listed backups is matched: {advice}{hint}",)
    singles = sum(group.backups == 1 for group in groups)
    if len(groups) < 2 or singles * 2 <= len(groups):
        return ()
    return (
        f"{singles} of {len(groups)} groups have a single backup, which is always kept: if the volumes are re-created, "
        'group by name: "group_by": {"name": "<expression with one group>"}.',
    )
