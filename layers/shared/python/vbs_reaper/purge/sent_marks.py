"""What is stored beside a plan about the sending of its deletions.

A mark means that every deletion that an approval or a run covers was requested or left out; it states both counts. A
part states the same for the first deletions of the plan, and is written by an invocation whose time is over: the next
one continues behind them. So a run ends even if its requests cannot be sent in the 15 minutes of one invocation.

Whoever can write to the plan store can write marks. A mark or part counts only if it names the sha256 of its plan,
which is not known before the plan is made, was stored after the plan, and has possible counts. Others are ignored: the
deletions are requested once more, which is harmless, and the result says so. An object cannot be overwritten, so the
mark is then stored under the next name that is free.
"""

from dataclasses import dataclass

import msgspec
from msgspec import UNSET, UnsetType

from vbs_reaper.purge.planning import PlannedRun
from vbs_reaper.purge.ports import PlanStore, SentMark, StoredMark
from vbs_reaper.purge.recheck import LEFT_OUT_LIMIT
from vbs_reaper.purge.run_result import LeftOut


class SentRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of a part or of a mark, which is the encoded result of a run. Other members are ignored.

    Marks of earlier versions are read too: they are encoded results without `left_out` if nothing was left out.
    """

    plan: str
    requested: int
    left_out: LeftOut | UnsetType = UNSET

    @property
    def done(self) -> int:
        """How many deletions of the plan were requested or left out."""
        return self.requested + (0 if self.left_out is UNSET else self.left_out.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How far the sending of a plan's deletions has come.

    `ignored` names the marks that do not count.
    """

    is_complete: bool
    before: SentRecord
    ignored: tuple[str, ...] = ()


def read_sending(plans: PlanStore, stored: PlannedRun, *, with_grace: bool) -> Sending:
    """Return how far the sending has come. Requesting the deletions in grace includes those that are due."""
    nothing = SentRecord(plan=str(stored.plan.sha256), requested=0)
    if stored.stored_at is None:  # this invocation has made the plan
        return Sending(is_complete=False, before=nothing)
    marks = list(plans.marks(stored.policy, stored.run))
    read = [(mark, _read(mark, stored)) for mark in marks]
    ignored = tuple(mark.name for mark, record in read if record is None)
    asked = SentMark.GRACE_SENT if with_grace else SentMark.SENT
    is_complete = any(
        record is not None and not mark.is_part and mark.mark in {asked, SentMark.GRACE_SENT} for mark, record in read
    )
    parts = (record for mark, record in read if record is not None and mark.is_part and mark.mark is asked)
    return Sending(
        is_complete=is_complete, before=max(parts, key=lambda record: record.done, default=nothing), ignored=ignored
    )


def add(before: SentRecord, requested: int, left_out: LeftOut | None) -> SentRecord:
    """Return the record of earlier invocations and of this one."""
    parts = [part for part in (before.left_out, left_out) if isinstance(part, LeftOut)]
    codes = sorted({code for part in parts for code in part.reasons})
    total = LeftOut(
        count=sum(part.count for part in parts),
        reasons={code: sum(part.reasons.get(code, 0) for part in parts) for code in codes},
        backups=tuple(each for part in parts for each in part.backups)[:LEFT_OUT_LIMIT],
    )
    return SentRecord(
        plan=before.plan, requested=before.requested + requested, left_out=total if total.count else UNSET
    )


def _read(mark: StoredMark, stored: PlannedRun) -> SentRecord | None:
    """Return the counts of a mark; None if it does not count."""
    try:
        record = msgspec.json.decode(mark.document, type=SentRecord)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    if record.plan != stored.plan.sha256 or stored.stored_at is None or mark.stored_at < stored.stored_at:
        return None
    left_out = 0 if record.left_out is UNSET else record.left_out.count
    if record.requested < 1 or left_out < 0:
        return None
    totals = stored.plan.totals
    all_of_them = totals.selected if mark.mark is SentMark.GRACE_SENT else totals.due
    is_possible = record.done < all_of_them if mark.is_part else record.done == all_of_them
    return record if is_possible else None
