"""Proves with an older plan that the graces have ended which the last plan states.

The last plan states since when each backup is selected. Whoever can write to the plan store can write a last plan that
states anything, but cannot store one in the past. So a backup whose grace has ended must also be selected by the newest
comparable plan that is at least one grace old. It was stored when the grace began or later, so it selects every backup
that all plans have selected since. Only one more plan is read, however many nights the graces began in.

The limit: a plan that somebody forged a whole grace ago, and that no run has followed since, can prove a later one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import UNSET

from vbs_reaper.errors import InvalidPlan, PlanUnreadable
from vbs_reaper.purge.calendar.duration import Duration, read_duration
from vbs_reaper.purge.calendar.zone import Micros, Zone, load_zone, to_datetime, to_micros
from vbs_reaper.purge.comparable_plan import find_comparable
from vbs_reaper.purge.last_plan import LastPlan, by_id
from vbs_reaper.purge.plan_file import read_rows
from vbs_reaper.purge.planned_backup import PlannedBackup, identity_of
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.ports import PlanStore, StoredDocument
from vbs_reaper.purge.rules.grace import oldest_that_counts
from vbs_reaper.purge.stored_time import STORED_WITHIN
from vbs_reaper.text import count

_SLACK = timedelta(days=1)
"""Time zones, and the time that a plan takes to be stored: the exact time is compared when the header was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprovenGraces:
    """The backups whose grace starts again, because no older plan shows that they were selected a grace ago."""

    rows: Sequence[PlannedBackup]
    why: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """A warning with the number of those that the plan selects, after it was made."""
        restarted = sum(not row.keep for row in self.rows)
        return (f"The grace of {count(restarted, 'backup')} starts again: {self.why}.",) if restarted else ()


def restart_unproven_graces(  # noqa: PLR0913  # each is a separate value
    plans: PlanStore,
    policy: PurgePolicy,
    rows: Iterable[PlannedBackup],
    last: LastPlan,
    now: datetime,
    on_unreadable: Callable[[str, str], None],
) -> UnprovenGraces:
    """Remove `selected_since`, as noted from the last plan, from the rows whose grace has ended without a proof.

    `on_unreadable` is called with the policy's name and the fault if the older plan cannot be read.
    """
    nothing = UnprovenGraces(rows=(), why="")
    if policy.grace is UNSET or not policy.selects_like(last.policy):
        return nothing  # nothing is noted that counts
    grace, zone, moment = read_duration(policy.grace), load_zone(policy.timezone), to_micros(now)
    if zone.ahead(last.made_at, grace) <= moment:
        return nothing  # the last plan is itself a grace old
    has_ended: dict[Micros | None, bool] = {None: False}
    for since in {row.selected_since for row in rows if row.selected_since is not None}:
        has_ended[since] = zone.ahead(since, grace) <= moment
    unproven = by_id(row for row in rows if has_ended[row.selected_since])
    if not unproven:
        return nothing
    why = f"no stored plan that is {policy.grace} old selects by the same rules; plans are kept for PlanRetentionInDays"
    try:
        witness = _find_witness(plans, policy, zone, grace, moment)
        if witness is not None:
            for backup_id in _selected_by(witness, unproven):
                del unproven[backup_id]
            why = f"the plan {witness.run}, which is {policy.grace} old, does not select them"
    except (InvalidPlan, PlanUnreadable) as fault:
        on_unreadable(policy.policy, str(fault))
        why = f"the plan that is {policy.grace} old cannot be read"
    for row in unproven.values():
        row.selected_since = None
    return UnprovenGraces(rows=list(unproven.values()), why=why)


def _find_witness(
    plans: PlanStore, policy: PurgePolicy, zone: Zone, grace: Duration, moment: Micros
) -> StoredDocument | None:
    """Return the newest plan that selects by the same rules and is at least a grace old."""

    def is_old_enough(made_at: Micros) -> bool:
        return zone.ahead(made_at, grace) <= moment

    begin = zone.back(moment, grace)
    oldest, _ = oldest_that_counts(policy, zone, begin)
    stored = plans.newest(policy.policy, to_datetime(begin) + _SLACK)
    # Those that are too young for certain are not opened: there may be many in a day.
    old = (each for each in stored if is_old_enough(to_micros(each.stored_at - STORED_WITHIN)))
    return find_comparable(old, policy, to_datetime(oldest) - _SLACK, is_old_enough)


def _selected_by(witness: StoredDocument, backups: dict[str, PlannedBackup]) -> set[str]:
    """Return the IDs of the backups that the older plan selects too."""
    selected: set[str] = set()

    def take(rows: Iterable[PlannedBackup]) -> None:
        for row in rows:
            found = None if row.keep else backups.get(row.id)
            if found is not None and identity_of(found) == identity_of(row):
                selected.add(found.id)

    read_rows(witness.pieces(), take)
    return selected
