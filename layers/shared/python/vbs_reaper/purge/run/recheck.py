"""What of an approved plan is still to be sent: the part that a plan of this moment lets go too."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.planned import identity_of
from vbs_reaper.purge.run.result import LeftOut
from vbs_reaper.purge.run.result import LeftOutBackup
from vbs_reaper.purge.verdict.chain import keep_chains
from vbs_reaper.purge.verdict.guards import read_guards

LEFT_OUT_LIMIT: Final = 100

Chosen = Mapping[str, tuple[object, ...]]
"""Ids of an approved plan, each with what makes it the same backup; in the plan's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """The backups that are sent, newest first per group, and those of the approved plan that are not."""

    rows: Sequence[PlannedBackup]
    left_out: LeftOut | None


def chosen_of(plan: Plan, *, with_grace: bool) -> Chosen:
    """What an approval of the plan is about: what is due, with `with_grace` all that is selected."""
    shared: dict[object, object] = {}  # volume ids and names repeat, and a plan may hold a million backups
    return {
        row.id: tuple(shared.setdefault(value, value) for value in identity_of(row))
        for row in (plan.selected if with_grace else plan.due)
    }


def recheck(chosen: Chosen, fresh: Plan, *, with_grace: bool) -> Recheck:
    """Compare with a plan of this moment, which is used up: its verdicts change to what is sent."""
    by_id = {row.id: row for row in fresh.backups if row.id in chosen}
    reasons = {
        backup_id: _left_out_for(by_id.get(backup_id), identity, fresh, with_grace=with_grace)
        for backup_id, identity in chosen.items()
    }
    if fresh.service == "cinder":
        for row in fresh.backups:
            if reasons.get(row.id, Reason.NOT_KEPT) is not None:
                row.keep = True
        keep_chains(fresh.backups)
        for backup_id, reason in reasons.items():
            if reason is None and by_id[backup_id].keep:
                reasons[backup_id] = Reason.CHAIN_BLOCKED
    rows = [row for row in fresh.backups if row.id in chosen and reasons[row.id] is None]
    return Recheck(rows=rows, left_out=_summary({each: why for each, why in reasons.items() if why is not None}))


def check_shown(shown: Plan, fresh: Plan, rows: Sequence[PlannedBackup], *, with_grace: bool) -> None:
    """Check the guards again: an approval passes only the values that its plan showed. `shown` needs no backups.

    It never sends more backups than its plan showed, but they may be a larger part of what is left.

    Raises:
        PurgeRefused: says how large the part is, and how large it was.
    """
    if fresh.project_id != shown.project_id:
        raise PurgeRefused(
            Reason.PLAN_MISPLACED, f"the plan is of project {shown.project_id}, the list is of {fresh.project_id}"
        )
    most = max(Counter(row.group for row in rows).values(), default=0)
    was, matched = shown.totals.selected if with_grace else shown.totals.due, shown.totals.matched
    for guard in read_guards(shown.policy.guards, len(rows), fresh.totals.matched, most):
        if guard.exceeded and len(rows) * matched > was * fresh.totals.matched:
            raise PurgeRefused(
                Reason.GUARD_EXCEEDED,
                f"{guard.sentence}; the plan showed {was:,} of {matched:,} backups and this would be {len(rows):,} of "
                f"{fresh.totals.matched:,}, so preview the policy again and approve that plan",
            )


def _left_out_for(
    row: PlannedBackup | None, identity: tuple[object, ...], fresh: Plan, *, with_grace: bool
) -> Reason | None:
    """Why a backup of the approved plan is not sent; None if it is."""
    if row is None:
        return Reason.ALREADY_GONE
    if identity_of(row) != identity:
        return Reason.EXPECTATION_FAILED
    if row.keep:
        return Reason.HELD if Reason.HELD in row.reasons else row.reasons[0]
    return None if with_grace or row.is_due(fresh.made_at) else Reason.IN_GRACE


def _summary(reasons: Mapping[str, Reason]) -> LeftOut | None:
    if not reasons:
        return None
    counts = Counter(reasons.values())
    first = list(reasons.items())[:LEFT_OUT_LIMIT]
    return LeftOut(
        count=len(reasons),
        reasons={reason.value: counts[reason] for reason in sorted(counts)},
        backups=tuple(LeftOutBackup(id=backup_id, reason=reason.value) for backup_id, reason in first),
    )
