"""Compares an approved plan with a fresh plan: a deletion is requested only if both plans select the backup."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import PlannedBackup, identity_of, newest_first
from vbs_reaper.purge.rules.chain import keep_chains
from vbs_reaper.purge.rules.guards import ONLY_COPIES, read_guards
from vbs_reaper.purge.rules.only_copies import volumes_left_without
from vbs_reaper.purge.run_result import LeftOut, LeftOutBackup
from vbs_reaper.reasons import Reason

LEFT_OUT_LIMIT: Final = 100
"""Maximum number of backups that a result names as left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedBackups:
    """What is needed of an approved plan when its deletions are compared with a fresh plan.

    `identities` are the IDs of the approved backups, in the plan's order, each with the hash of its `identity_of`. A
    hash has 64 bits, which is a fifth of the memory of volume, time and name. It cannot be predicted: Python begins
    each process with another random number. `left_without` are the volumes without a copy that the guard of the
    plan has counted. That guard counts only what was due, so an approval with grace adds no volume to them.
    """

    identities: Mapping[str, int]
    left_without: AbstractSet[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """The backups to request the deletion of, and the approved backups that are left out.

    The backups of each group are newest first. `order` are the IDs of both, in the order of the approved plan.
    """

    backups: Sequence[PlannedBackup]
    order: Iterable[str]
    left_out: Mapping[str, Reason] = field(default_factory=dict)

    def left_out_until(self, requested: int) -> LeftOut | None:
        """Return what precedes the last one of the first `requested` backups and is left out."""
        last = self.backups[requested - 1].id
        passed: dict[str, Reason] = {}
        for backup_id in self.order:
            if backup_id == last:
                break
            if backup_id in self.left_out:
                passed[backup_id] = self.left_out[backup_id]
        return summarize(passed)


def approved_backups(plan: Plan, *, with_grace: bool) -> ApprovedBackups:
    """Return the backups that an approval of the plan covers: those that are due, or `with_grace` all selected ones."""
    approved = {row.id: hash(identity_of(row)) for row in (plan.selected if with_grace else plan.due)}
    is_shown = any(guard.guard == ONLY_COPIES for guard in plan.guards)
    left_without = volumes_left_without(plan.backups, lambda row: row.is_due(plan.made_at)) if is_shown else ()
    return ApprovedBackups(identities=approved, left_without=frozenset(left_without))


def deletions_due(plan: Plan) -> Deletions:
    """Return what is due in a plan, for the run that has just made it.

    Modifies `keep` of the plan's backups: those that are in their grace are kept for now, so they can be survivors.
    """
    due = list(plan.due)
    for row in plan.backups:
        row.keep = not row.is_due(plan.made_at)
    return Deletions(backups=due, order=(row.id for row in due))


def compare_with_fresh_plan(approved: ApprovedBackups, fresh: Plan, *, with_grace: bool, done: int = 0) -> Deletions:
    """Return the approved backups that the fresh plan selects too, and why the others are left out.

    The first `done` approved backups are in neither: an earlier invocation has requested their deletion or left them
    out. Modifies `keep` and `reasons` of the fresh plan's backups; do not use their verdicts afterwards.
    """
    identities = approved.identities
    earlier = set(islice(identities, done))
    fresh_by_id = {row.id: row for row in fresh.backups if row.id in identities}
    left_out: dict[str, Reason] = {}
    for backup_id, identity in identities.items():
        reason = _left_out_for(fresh_by_id.get(backup_id), identity, fresh, with_grace=with_grace)
        if reason is not None:
            left_out[backup_id] = reason
    del fresh_by_id
    if fresh.policy.group_by != "volume":  # else each volume is a group, which keeps its newest copies
        for row in _new_only_copies(approved, fresh, left_out.keys(), earlier):
            left_out[row.id] = Reason.ONLY_COPY
    # All other backups are kept, also those that only the fresh plan selects: they can be survivors.
    for row in fresh.backups:
        row.keep = row.keep or row.id not in identities or row.id in left_out
    if fresh.service == "cinder":
        keep_chains(fresh.backups)  # and the backups that they may need
        for row in fresh.backups:
            if row.keep and row.id in identities:
                left_out.setdefault(row.id, Reason.CHAIN_BLOCKED)
    backups = [
        row for row in fresh.backups if row.id in identities and row.id not in left_out and row.id not in earlier
    ]
    for backup_id in earlier:
        left_out.pop(backup_id, None)
    return Deletions(backups=backups, order=islice(identities, done, None), left_out=left_out)


def check_guards_again(shown: Plan, fresh: Plan, rows: Sequence[PlannedBackup], *, with_grace: bool) -> None:
    """Check that the deletions do not exceed a guard by more than the approved plan `shown` did.

    An approval accepts only the values that its plan showed. It never requests more deletions than that, but they may
    be a larger fraction of the backups that exist now. `shown.backups` is not used.

    Raises:
        RunRefused: a guard is exceeded by more than the plan showed. The message names both fractions.
    """
    most = max(Counter(row.group for row in rows).values(), default=0)
    was, matched = shown.totals.selected if with_grace else shown.totals.due, shown.totals.matched
    for guard in read_guards(shown.policy.guards, len(rows), fresh.totals.matched, most):
        if guard.exceeded and len(rows) * matched > was * fresh.totals.matched:
            raise RunRefused(
                Reason.GUARD_EXCEEDED,
                f"{guard.sentence}; the approved plan showed {was:,} of {matched:,} backups and this would be "
                f"{len(rows):,} of {fresh.totals.matched:,}, so preview the policy again and approve that plan",
            )


def summarize(left_out: Mapping[str, Reason]) -> LeftOut | None:
    """Return counts by reason and the first names; None if nothing was left out."""
    if not left_out:
        return None
    counts = Counter(left_out.values())
    first = list(left_out.items())[:LEFT_OUT_LIMIT]
    return LeftOut(
        count=len(left_out),
        reasons={reason.value: counts[reason] for reason in sorted(counts)},
        backups=tuple(LeftOutBackup(id=backup_id, reason=reason.value) for backup_id, reason in first),
    )


def _new_only_copies(
    approved: ApprovedBackups, fresh: Plan, left_out: AbstractSet[str], earlier: AbstractSet[str]
) -> Sequence[PlannedBackup]:
    """Return the newest approved copy of each volume that would keep none now, although the plan did not show that."""
    identities = approved.identities

    def is_deleted(row: PlannedBackup) -> bool:
        return row.id in identities and row.id not in left_out

    volumes = set(volumes_left_without(fresh.backups, is_deleted)) - approved.left_without
    newest: dict[str, PlannedBackup] = {}
    if not volumes:
        return ()
    for row in fresh.backups:
        if row.is_copy and row.volume_id in volumes and is_deleted(row) and row.id not in earlier:
            found = newest.setdefault(row.volume_id, row)
            if newest_first(row) > newest_first(found):
                newest[row.volume_id] = row
    return list(newest.values())


def _left_out_for(row: PlannedBackup | None, identity: int, fresh: Plan, *, with_grace: bool) -> Reason | None:
    """Return why an approved backup is left out; None if its deletion is to be requested."""
    if row is None:
        return Reason.ALREADY_GONE
    if hash(identity_of(row)) != identity:
        return Reason.EXPECTATION_FAILED
    if row.keep:
        return Reason.HELD if Reason.HELD in row.reasons else row.reasons[0]
    return None if with_grace or row.is_due(fresh.made_at) else Reason.IN_GRACE
