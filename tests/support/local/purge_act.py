"""The second part of `make run`: a preview, its page, the approval, and the deletions until the queue is empty."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.local.report import Report
from tests.support.local.scenario import StoredBackup, store
from tests.support.local.stack import LocalStack
from tests.support.local.year import POLICY, must_stay
from tests.support.simulator.cloud import Cloud

POLL_S = 0.5
PRINT_EVERY_S = 2.0
ENDS_WITHIN_S = 75.0
EMPTY_POLLS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeVerdict:
    """The result of a purge according to the journal of the cloud. `lost` and `wrong` are sentences about faults."""

    backups: int
    kept: int
    deleted: int
    due_afterwards: int
    pictures: Sequence[str]
    lost: Sequence[str] = field(default_factory=list)
    wrong: Sequence[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether exactly the selected backups are gone."""
        return not self.lost and not self.wrong


def purge_year(
    stored: Sequence[StoredBackup], stack: LocalStack, cloud: Cloud, report: Report, pictures: Path
) -> PurgeVerdict:
    """Run the purge until the queue is empty, or until `ENDS_WITHIN_S` has passed. Return the verdict."""
    store(stored, cloud)
    neighbours = set(cloud.remaining()) - {backup.id for backup in stored}
    asked_before = len(cloud.journal.deletes)
    preview = stack.invoke({"run": POLICY}, function="Purger")
    first = _save(stack, preview["picture"], pictures / "purge-before.html")
    others = preview["totals"]["backups"] - len(stored)
    report.say(
        f"Act 2: a purge. The project has {len(stored)} backups of one year, and {others} left from before, which "
        "the policy does not match."
    )
    report.say(f"Preview: {preview['message']}")
    report.say(f"The plan as a page: {first}")
    wanted = len({backup.id for backup in stored} - must_stay(stored))
    answer = stack.invoke({"approve": {"policy": POLICY["policy"], "plan": preview["plan"]}}, function="Purger")
    report.say(f"Approved {preview['plan'][:12]}…: {answer['message']}")
    report.say("A request stays in the queue until a later look proves that its backup is gone.")
    _watch(stack, cloud, report, stored, wanted)
    after = stack.invoke({"run": POLICY}, function="Purger")
    last = _save(stack, after["picture"], pictures / "purge-after.html")
    report.say(f"The plan after the purge: {last}")
    accepted = [delete.backup_id for delete in cloud.journal.deletes][asked_before:]
    return judge_purge(
        stored,
        accepted,
        set(cloud.remaining()),
        neighbours=neighbours,
        waiting=stack.depth().total,
        due_afterwards=after["totals"]["due"],
        pictures=[str(first), str(last)],
    )


def judge_purge(
    stored: Sequence[StoredBackup],
    accepted: Sequence[str],
    remaining: set[str],
    *,
    neighbours: set[str],
    waiting: int,
    due_afterwards: int,
    pictures: Sequence[str] = (),
) -> PurgeVerdict:
    """Compare the end of a purge with the rules of the policy, computed independently of the product."""
    kept = must_stay(stored)
    names = {backup.id: backup.name for backup in stored}
    return PurgeVerdict(
        backups=len(stored),
        kept=len(kept & remaining),
        deleted=len(set(accepted) - remaining),
        due_afterwards=due_afterwards,
        pictures=pictures,
        lost=[
            *(f"{names[i]} is still there" for i in names if i in remaining and i not in kept),
            *([f"{waiting} messages still wait in the queue"] if waiting else []),
            *([f"the next plan still calls {due_afterwards} due"] if due_afterwards else []),
        ],
        wrong=[
            *(f"DELETE for {names.get(i, i)}, which must stay" for i in accepted if i not in names or i in kept),
            *(f"{names[i]} is gone" for i in sorted(kept - remaining)),
            *(f"neighbour {i} is gone" for i in sorted(neighbours - remaining)),
        ],
    )


def _watch(stack: LocalStack, cloud: Cloud, report: Report, stored: Sequence[StoredBackup], wanted: int) -> None:
    began = printed_at = time.monotonic()
    quiet = 0
    while quiet < EMPTY_POLLS and time.monotonic() - began < ENDS_WITHIN_S:
        time.sleep(POLL_S)
        depth = stack.depth().total
        quiet = quiet + 1 if depth == 0 else 0
        if time.monotonic() - printed_at >= PRINT_EVERY_S:
            printed_at = time.monotonic()
            gone = len(stored) - len({backup.id for backup in stored} & cloud.remaining().keys())
            report.say(f"{printed_at - began:5.1f} s  {gone} of {wanted} gone, {depth} requests in the queue")


def _save(stack: LocalStack, key: str, path: Path) -> Path:
    answer = stack.aws.client("s3").get_object(Bucket=stack.outputs["PlansBucketName"], Key=key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(answer["Body"].read())
    return path
