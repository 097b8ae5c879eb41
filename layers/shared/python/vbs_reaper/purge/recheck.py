"""Compares an approved plan with a fresh plan: a deletion is requested only if both plans select the backup."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import PlannedBackup, identity_of
from vbs_reaper.purge.rules.chain import keep_chains
from vbs_reaper.purge.rules.guards import read_guard_of_only_copies, read_guards
from vbs_reaper.purge.rules.only_copies import volumes_left_without
from vbs_reaper.purge.run_result import LeftOut, LeftOutBackup
from vbs_reaper.reasons import Reason

LEFT_OUT_LIMIT: Final = 100
"""Maximum number of backups that a result names as left out."""

ApprovedBackups = Mapping[str, int]
"""The IDs of the approved backups, in the plan's order, each with the hash of its `identity_of`.

A hash has 64 bits, which is a fifth of the memory of volume, time and name. It cannot be predicted: Python begins each
process with another random number.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """The backups to request the deletion of, and a summary of the approved backups that are left out.

    The backups of each group are newest first.
    """

    backups: Sequence[PlannedBackup]
    left_out: LeftOut | None


def approved_backups(plan: Plan, *, with_grace: bool) -> ApprovedBackups:
    """Return the backups that an approval of the plan covers: those that are due, or `with_grace` all selected ones."""
    return {row.id: hash(identity_of(row)) for row in (plan.selected if with_grace else plan.due)}


def compare_with_fresh_plan(approved: ApprovedBackups, fresh: Plan, *, with_grace: bool) -> Deletions:
    """Return the approved backups that the fresh plan selects too, and why the others are left out.

    Modifies `keep` and `reasons` of the fresh plan's backups; do not use their verdicts afterwards.
    """
    fresh_by_id = {row.id: row for row in fresh.backups if row.id in approved}
    left_out: dict[str, Reason] = {}
    for backup_id, identity in approved.items():
        reason = _left_out_for(fresh_by_id.get(backup_id), identity, fresh, with_grace=with_grace)
        if reason is not None:
            left_out[backup_id] = reason
    del fresh_by_id
    if fresh.service == "cinder":
        # All other backups are kept, also those that only the fresh plan selects: keep the backups that they may need.
        for row in fresh.backups:
            row.keep = row.keep or row.id not in approved or row.id in left_out
        keep_chains(fresh.backups)
        for row in fresh.backups:
            if row.keep and row.id in approved:
                left_out.setdefault(row.id, Reason.CHAIN_BLOCKED)
    backups = [row for row in fresh.backups if row.id in approved and row.id not in left_out]
    return Deletions(backups=backups, left_out=_summarize(left_out))


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


def check_only_copies_again(fresh: Plan, deletions: Deletions, shown: int) -> None:
    """Check that the deletions leave no more volumes without a copy than the guard allows, or than the plan showed.

    `shown` is the number of volumes that all approved deletions leave without a copy in the approved plan.

    Raises:
        RunRefused: more volumes would lose their only copy now.
    """
    going = {row.id for row in deletions.backups}
    left_without = volumes_left_without(fresh.backups, lambda row: row.id in going)
    guard = read_guard_of_only_copies(fresh.policy.guards, len(left_without))
    if guard.exceeded and guard.due > shown:
        raise RunRefused(
            Reason.GUARD_EXCEEDED,
            f"{guard.sentence}; the approved plan showed {shown:,}, so preview the policy again and approve that plan",
        )


def _left_out_for(row: PlannedBackup | None, identity: int, fresh: Plan, *, with_grace: bool) -> Reason | None:
    """Return why an approved backup is left out; None if its deletion is to be requested."""
    if row is None:
        return Reason.ALREADY_GONE
    if hash(identity_of(row)) != identity:
        return Reason.EXPECTATION_FAILED
    if row.keep:
        return Reason.HELD if Reason.HELD in row.reasons else row.reasons[0]
    return None if with_grace or row.is_due(fresh.made_at) else Reason.IN_GRACE


def _summarize(left_out: Mapping[str, Reason]) -> LeftOut | None:
    if not left_out:
        return None
    counts = Counter(left_out.values())
    first = list(left_out.items())[:LEFT_OUT_LIMIT]
    return LeftOut(
        count=len(left_out),
        reasons={reason.value: counts[reason] for reason in sorted(counts)},
        backups=tuple(LeftOutBackup(id=backup_id, reason=reason.value) for backup_id, reason in first),
    )
