"""What a plan adds up to: groups, totals, what changed since the last plan, and what to warn of."""

from collections.abc import Sequence
from typing import Final

import msgspec

from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.zone import Micros

SURVIVORS_LIMIT: Final = 5
SPARED_LIMIT: Final = 100


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one group; counts are of the policy's set. `survivors`: the newest kept copies, newest first."""

    name: str
    backups: int
    kept: int
    due: int
    survivors: tuple[str, ...] = ()


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a plan, sizes in GiB. `matched` is the policy's set; selected = due + in grace."""

    backups: int
    matched: int
    kept: int
    selected: int
    due: int
    kept_gib: float
    selected_gib: float
    due_gib: float


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Against the last plan of the same policy's name. `spared` were to go and now stay (the first hundred by id)."""

    last_sha256: str | None
    last_made_at: Micros
    comparable: bool
    new_backups: int
    gone_backups: int
    newly_selected: int
    no_longer_selected: int
    spared: tuple[str, ...]


def group_of(name: str, members: Sequence[PlannedBackup], min_kept: int, now: Micros) -> Group:
    """One group's counts and survivors; its members come newest first."""
    own = [row for row in members if row.in_set]
    return Group(
        name=name,
        backups=len(own),
        kept=sum(row.keep for row in own),
        due=sum(row.is_due(now) for row in own),
        survivors=tuple(row.id for row in own if row.is_copy)[: min(min_kept, SURVIVORS_LIMIT)],
    )


def totals_of(rows: Sequence[PlannedBackup], now: Micros) -> Totals:
    """Counts and sizes over all backups."""
    matched = kept = due = 0
    kept_gib = due_gib = selected_gib = 0.0
    for row in rows:
        matched += row.in_set
        if row.keep:
            kept += 1
            kept_gib += row.gib
            continue
        selected_gib += row.gib
        if row.is_due(now):
            due += 1
            due_gib += row.gib
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


def difference_of(
    rows: Sequence[PlannedBackup],
    last_rows: Sequence[PlannedBackup],
    *,
    last_sha256: str | None,
    last_made_at: Micros,
    comparable: bool,
) -> Difference:
    """What changed since the last plan; `comparable` where its policy chose alike."""
    now_ids = {row.id for row in rows}
    last_ids = {row.id for row in last_rows}
    selected = {row.id for row in rows if not row.keep}
    was_selected = {row.id for row in last_rows if not row.keep}
    spared = sorted((was_selected - selected) & now_ids)
    return Difference(
        last_sha256=last_sha256,
        last_made_at=last_made_at,
        comparable=comparable,
        new_backups=len(now_ids - last_ids),
        gone_backups=len(last_ids - now_ids),
        newly_selected=len(selected - was_selected),
        no_longer_selected=len(spared),
        spared=tuple(spared[:SPARED_LIMIT]),
    )


def warnings_of(totals: Totals, groups: Sequence[Group]) -> tuple[str, ...]:
    """That nothing is matched, or that groups are mostly of one: then nothing would ever go."""
    if totals.backups and not totals.matched:
        return (f'None of {totals.backups:,} listed backups is matched: is "match" what you mean?',)
    alone = sum(group.backups == 1 for group in groups)
    if len(groups) < 2 or alone * 2 <= len(groups):
        return ()
    return (
        f"{alone} of {len(groups)} groups hold a single backup, which always stays: are the volumes re-created? "
        'Then group by name: "group_by": {"name": "<expression with one group>"}.',
    )
