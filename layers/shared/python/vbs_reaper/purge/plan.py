"""A plan: the decision on an inventory, with a reason for every backup. Pure: no I/O, and the time is an argument."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import UNSET

from vbs_reaper.backups.answer import Service
from vbs_reaper.purge.calendar.duration import Duration, read_duration
from vbs_reaper.purge.calendar.zone import Micros, load_zone, to_micros, to_text
from vbs_reaper.purge.forecast.advice import Advice, advise
from vbs_reaper.purge.forecast.guards_ahead import warn_of_guards_ahead
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.last_plan import LastPlan, by_id, note_decisions
from vbs_reaper.purge.plan_summary import Difference, Group, Totals, difference_of, group_of, totals_of, warnings_of
from vbs_reaper.purge.planned_backup import PlannedBackup, newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.chain import delay_chains
from vbs_reaper.purge.rules.grace import mark_grace, oldest_that_counts, set_due
from vbs_reaper.purge.rules.guards import (
    ONLY_COPIES,
    GuardReading,
    allowed_only_copies,
    read_guard_of_only_copies,
    read_guards,
)
from vbs_reaper.purge.rules.only_copies import only_copies_warning, volumes_left_without
from vbs_reaper.purge.rules.rule_set import Groups, RuleSet, group_up
from vbs_reaper.purge.rules.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every backup of a project, with the rules that keep it or the reason why it is to be deleted.

    `backups` are sorted by group and newest first within a group; those without a group are at the end. Instants are
    microseconds since 1970 UTC.
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
    """The root of the service that listed the backups; None in plans of earlier versions and of a file."""
    format: int = 2
    """The format in which the plan is stored. Plans of earlier versions have format 1."""

    @property
    def kept(self) -> Iterator[PlannedBackup]:
        """The backups that are kept."""
        return (row for row in self.backups if row.keep)

    @property
    def selected(self) -> Iterator[PlannedBackup]:
        """The backups that are to be deleted, now or when their grace ends."""
        return (row for row in self.backups if not row.keep)

    @property
    def due(self) -> Iterator[PlannedBackup]:
        """The backups that a purge at `made_at` requests the deletion of, newest first per group."""
        return (row for row in self.backups if row.is_due(self.made_at))

    @property
    def exceeded(self) -> Sequence[GuardReading]:
        """The guards because of which a purge by this plan is refused."""
        return [guard for guard in self.guards if guard.exceeded]


def plan(
    policy: PurgePolicy, inventory: Inventory, now: datetime, *, last: Plan | None = None, run: str | None = None
) -> Plan:
    """Make a plan: decide on every backup of the inventory.

    `last` is the newest stored plan of the policy that selects by the same rules, or else its newest plan. `now`
    becomes `made_at`. `run` is the name of the run.

    Raises:
        RunRefused: the inventory contradicts itself.
    """
    selection = Selection(policy, inventory)
    selection.add(inventory.backups, to_micros(now))
    rows = selection.finish()
    earlier = None if last is None else _note(rows, last)
    return plan_rows(policy, inventory, rows, now, last=earlier, run=run)


def plan_rows(  # noqa: PLR0913  # each is a separate value
    policy: PurgePolicy,
    inventory: Inventory,
    rows: Sequence[PlannedBackup],
    now: datetime,
    *,
    last: LastPlan | None,
    run: str | None = None,
) -> Plan:
    """Make a plan, as `plan` does, of backups that a `Selection` has read while they were listed.

    The decisions of `last` are noted in the rows. The backups of `inventory` are not used.

    Raises:
        RunRefused: the inventory contradicts itself.
    """
    moment, zone = to_micros(now), load_zone(policy.timezone)
    groups = group_up(rows)
    RuleSet(policy, zone, inventory.service, moment).apply(groups, rows)
    rows = _sorted_by_group(groups, rows)  # from here on nothing depends on the order of the list
    grace = Duration() if policy.grace is UNSET else read_duration(policy.grace)
    comparable = last if last is not None and policy.selects_like(last.policy) and last.made_at <= moment else None
    counts_from, age = oldest_that_counts(policy, zone, moment)
    counts = comparable is not None and comparable.made_at >= counts_from
    set_due(rows, zone, moment, grace, last_plan_counts=counts)
    on_cinder = inventory.service == "cinder"
    if on_cinder:
        delay_chains(rows)
    mark_grace(rows, moment)
    summaries = _summarize_groups(groups, policy, moment)
    totals = totals_of(rows, moment)
    left_without = _volumes_left_without(policy, rows, moment)
    return Plan(
        policy=policy,
        run=run,
        made_at=moment,
        service=inventory.service,
        project_id=inventory.project_id,
        endpoint=inventory.endpoint,
        hold_marker=inventory.hold_marker,
        backups=rows,
        groups=summaries,
        totals=totals,
        guards=_read_guards(policy, summaries, totals, left_without),
        difference=_difference(rows, policy, last),
        advice=advise(policy, zone, groups, rows, moment) if on_cinder else (),
        warnings=(
            *warnings_of(totals, summaries, by_name=bool(policy.match.names)),
            *only_copies_warning(left_without, allowed_only_copies(policy.guards)),
            *warn_of_guards_ahead(policy, zone, rows, totals, moment),
            *_restarted_grace_warning(policy, last, moment, counts_from, age),
        ),
    )


def recompute(plan: Plan) -> tuple[Sequence[Group], Totals, Sequence[GuardReading]]:
    """Compute groups, totals and guards from the backups of a plan, ignoring those that the plan states."""
    groups = group_up(plan.backups)
    for members in groups.values():
        members.sort(key=newest_first, reverse=True)
    summaries = _summarize_groups(groups, plan.policy, plan.made_at)
    totals = totals_of(plan.backups, plan.made_at)
    left_without = _volumes_left_without(plan.policy, plan.backups, plan.made_at)
    return summaries, totals, _read_guards(plan.policy, summaries, totals, left_without)


def is_consistent(plan: Plan) -> bool:
    """Return whether a plan states the groups, totals and guards of its backups, and selects no survivor.

    A plan of format 1 may lack the guard of only copies.
    """
    groups, totals, guards = recompute(plan)
    if plan.format == 1 and all(guard.guard != ONLY_COPIES for guard in plan.guards):
        guards = [guard for guard in guards if guard.guard != ONLY_COPIES]
    if (tuple(plan.groups), plan.totals, tuple(plan.guards)) != (tuple(groups), totals, tuple(guards)):
        return False
    survivors = {survivor for group in groups for survivor in group.survivors}
    return not any(row.id in survivors for row in plan.selected)


def _read_guards(
    policy: PurgePolicy, groups: Sequence[Group], totals: Totals, left_without: Sequence[str]
) -> tuple[GuardReading, ...]:
    largest = max((group.due for group in groups), default=0)
    readings = read_guards(policy.guards, totals.due, totals.matched, largest)
    if policy.group_by == "volume":  # each volume is a group, which keeps its newest copies
        return readings
    return (*readings, read_guard_of_only_copies(policy.guards, len(left_without)))


def _volumes_left_without(policy: PurgePolicy, rows: Iterable[PlannedBackup], now: Micros) -> Sequence[str]:
    return () if policy.group_by == "volume" else volumes_left_without(rows, lambda row: row.is_due(now))


def _note(rows: Sequence[PlannedBackup], last: Plan) -> LastPlan:
    gone = note_decisions(by_id(rows), last.backups)
    return LastPlan(policy=last.policy, made_at=last.made_at, sha256=last.sha256, gone=gone)


def _restarted_grace_warning(
    policy: PurgePolicy, last: LastPlan | None, now: Micros, counts_from: Micros, age: str
) -> tuple[str, ...]:
    """Return a warning if every grace starts again, although the policy has stored plans."""
    if policy.grace is UNSET or last is None or last.made_at > now:
        return ()
    if not policy.selects_like(last.policy):
        return ("Every grace starts again: none of the policy's last plans selects by the same rules.",)
    if last.made_at >= counts_from:
        return ()
    return (
        f"Every grace starts again: the last plan was made at {to_text(last.made_at)}, and a plan older than {age} "
        "does not count; run the policy more often than that, or choose a longer grace.",
    )


def _summarize_groups(groups: Groups, policy: PurgePolicy, now: Micros) -> list[Group]:
    min_kept = policy.guards.min_kept_per_group
    summaries = (group_of(name, members, min_kept, now) for name, members in groups.items())
    return [group for group in summaries if group.backups]


def _sorted_by_group(groups: Groups, rows: Iterable[PlannedBackup]) -> list[PlannedBackup]:
    ordered = [row for members in groups.values() for row in members]
    ordered.extend(sorted((row for row in rows if row.group is None), key=lambda row: (row.volume_id or "", row.id)))
    return ordered


def _difference(rows: Sequence[PlannedBackup], policy: PurgePolicy, last: LastPlan | None) -> Difference | None:
    if last is None:
        return None
    difference = difference_of(rows, last, comparable=policy.selects_like(last.policy))
    for row in rows:
        row.was_selected = None
    return difference
