"""A plan: the decision on an inventory, with a reason for every backup. Pure: values in, a plan out."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import UNSET

from vbs_reaper.purge.account import Difference
from vbs_reaper.purge.account import Group
from vbs_reaper.purge.account import Totals
from vbs_reaper.purge.account import difference_of
from vbs_reaper.purge.account import group_of
from vbs_reaper.purge.account import totals_of
from vbs_reaper.purge.account import warnings_of
from vbs_reaper.purge.ahead.advice import Advice
from vbs_reaper.purge.ahead.advice import advise
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.inventory import Service
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import drop_repeats
from vbs_reaper.purge.planned import newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.time.duration import Duration
from vbs_reaper.purge.time.duration import read_duration
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone
from vbs_reaper.purge.time.zone import load_zone
from vbs_reaper.purge.time.zone import to_micros
from vbs_reaper.purge.time.zone import to_text
from vbs_reaper.purge.verdict.chain import delay_chains
from vbs_reaper.purge.verdict.decision import Decision
from vbs_reaper.purge.verdict.decision import Groups
from vbs_reaper.purge.verdict.decision import group_up
from vbs_reaper.purge.verdict.grace import mark_grace
from vbs_reaper.purge.verdict.grace import set_due
from vbs_reaper.purge.verdict.guards import GuardReading
from vbs_reaper.purge.verdict.guards import read_guards
from vbs_reaper.purge.verdict.selection import Selection

GRACE_SLACK: Final = "48h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every backup of a project with the rules that keep it or the reason it goes.

    `backups` come by group, newest first in each, those without a group at the end. Instants are microseconds UTC.
    """

    policy: PurgePolicy
    run: str | None
    made_at: Micros
    service: Service
    project_id: str | None
    hold_marker: str
    backups: Sequence[PlannedBackup]
    groups: Sequence[Group]
    totals: Totals
    guards: Sequence[GuardReading]
    difference: Difference | None
    advice: Sequence[Advice]
    warnings: Sequence[str]
    sha256: str | None = None
    endpoint: str | None = None
    """The root of the service whose backups these are; None in plans of earlier versions and of a file."""

    @property
    def kept(self) -> Iterator[PlannedBackup]:
        """The backups that stay."""
        return (row for row in self.backups if row.keep)

    @property
    def selected(self) -> Iterator[PlannedBackup]:
        """The backups that go, now or when their grace is over."""
        return (row for row in self.backups if not row.keep)

    @property
    def due(self) -> Iterator[PlannedBackup]:
        """Exactly what a purge at `made_at` asks to be deleted, newest first per group."""
        return (row for row in self.backups if row.is_due(self.made_at))

    @property
    def survivors(self) -> dict[str, tuple[str, ...]]:
        """For each group the copies that a delete request for one of its backups names; none of them goes."""
        return {group.name: group.survivors for group in self.groups}

    @property
    def exceeded(self) -> Sequence[GuardReading]:
        """The guards that refuse this plan's run."""
        return [guard for guard in self.guards if guard.exceeded]


def plan(
    policy: PurgePolicy, inventory: Inventory, now: datetime, *, last: Plan | None = None, run: str | None = None
) -> Plan:
    """Decide on every backup. `last` is the newest stored plan that chose alike, or else the policy's newest.

    Raises:
        PurgeRefused: the inventory contradicts itself.
    """
    moment, zone = to_micros(now), load_zone(policy.timezone)
    selection = Selection(policy, inventory, moment)
    read = [selection.read(backup) for backup in inventory.backups]
    selection.settle_data_times()
    rows = drop_repeats(read)
    groups = group_up(rows)
    Decision(policy, zone, inventory.service, moment).decide(groups, rows)
    rows = _in_order(groups, rows)  # from here on nothing depends on the order of the list
    grace = Duration() if policy.grace is UNSET else read_duration(policy.grace)
    alike = last if last is not None and policy.selects_like(last.policy) and last.made_at <= moment else None
    counts_from, age = _reach(policy, zone, moment)
    set_due(rows, _standing(alike, counts_from), zone, moment, grace)
    on_cinder = inventory.service == "cinder"
    if on_cinder:
        delay_chains(rows)
    mark_grace(rows, moment)
    summary = _summary(groups, policy, moment)
    totals = totals_of(rows, moment)
    guards = _guards(policy, summary, totals)
    return Plan(
        policy=policy,
        run=run,
        made_at=moment,
        service=inventory.service,
        project_id=inventory.project_id,
        endpoint=inventory.endpoint,
        hold_marker=inventory.hold_marker,
        backups=rows,
        groups=summary,
        totals=totals,
        guards=guards,
        difference=_difference(rows, policy, last),
        advice=advise(policy, zone, groups, rows, moment) if on_cinder else (),
        warnings=(*warnings_of(totals, summary), *_begun_anew(policy, alike, counts_from, age)),
    )


def recount(plan: Plan) -> tuple[Sequence[Group], Totals, Sequence[GuardReading]]:
    """Groups, totals and guards of a plan's backups, whatever the plan says of them."""
    groups = group_up(plan.backups)
    for group in groups.values():
        group.sort(key=newest_first, reverse=True)
    summary, totals = _summary(groups, plan.policy, plan.made_at), totals_of(plan.backups, plan.made_at)
    return summary, totals, _guards(plan.policy, summary, totals)


def is_sound(plan: Plan) -> bool:
    """Whether a plan says of its backups what they are, and no survivor goes."""
    groups, totals, guards = recount(plan)
    if (tuple(plan.groups), plan.totals, tuple(plan.guards)) != (tuple(groups), totals, tuple(guards)):
        return False
    survivors = {survivor for group in groups for survivor in group.survivors}
    return not any(row.id in survivors for row in plan.selected)


def _guards(policy: PurgePolicy, groups: Sequence[Group], totals: Totals) -> tuple[GuardReading, ...]:
    most = max((group.due for group in groups), default=0)
    return read_guards(policy.guards, totals.due, totals.matched, most)


def _reach(policy: PurgePolicy, zone: Zone, now: Micros) -> tuple[Micros, str]:
    """Since when a last plan is young enough to count on, and how old that is: the grace or two days."""
    ages = [GRACE_SLACK] if policy.grace is UNSET else [GRACE_SLACK, policy.grace]
    return min((zone.back(now, read_duration(age)), age) for age in ages)


def _standing(alike: Plan | None, counts_from: Micros) -> dict[str, PlannedBackup]:
    """What the last plan of the same choice selected, where it counts."""
    if alike is None or alike.made_at < counts_from:
        return {}
    return {row.id: row for row in alike.selected}


def _begun_anew(policy: PurgePolicy, alike: Plan | None, counts_from: Micros, age: str) -> tuple[str, ...]:
    """Say so where a grace cannot end because runs lie too far apart."""
    if policy.grace is UNSET or alike is None or alike.made_at >= counts_from:
        return ()
    return (
        f"Every grace begins anew: the last plan is of {to_text(alike.made_at)}, and one older than {age} "
        "does not count; run the policy more often than that, or choose a longer grace.",
    )


def _summary(groups: Groups, policy: PurgePolicy, now: Micros) -> list[Group]:
    least = policy.guards.min_kept_per_group
    found = (group_of(name, members, least, now) for name, members in groups.items())
    return [group for group in found if group.backups]


def _in_order(groups: Groups, rows: Iterable[PlannedBackup]) -> list[PlannedBackup]:
    ordered = [row for members in groups.values() for row in members]
    ordered.extend(sorted((row for row in rows if row.group is None), key=lambda row: (row.volume_id or "", row.id)))
    return ordered


def _difference(rows: Sequence[PlannedBackup], policy: PurgePolicy, last: Plan | None) -> Difference | None:
    if last is None:
        return None
    return difference_of(
        rows,
        last.backups,
        last_sha256=last.sha256,
        last_made_at=last.made_at,
        comparable=policy.selects_like(last.policy),
    )
