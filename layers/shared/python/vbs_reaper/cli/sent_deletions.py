"""Shows what the purger answers to a run or an approval, and follows the deletions that it has requested."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

from rich.console import Console

from vbs_reaper.cli.deletion_log import DeletionLog, about
from vbs_reaper.cli.follow import EXIT_ALL_GONE, EXIT_SOME_LEFT, Follower, follow_to_the_end
from vbs_reaper.cli.log_record import GONE, LogRecord
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.stack import Stack
from vbs_reaper.errors import CommandError
from vbs_reaper.purge.run_result import name_of

LEFT_OUT_SHOWN: Final = 20
"""Maximum number of left-out backups that are printed."""


def send_and_follow(  # noqa: PLR0913  # each is a separate value
    stack: Stack, policy: str, event: dict[str, Any], console: Console, started_at: datetime, *, as_json: bool
) -> int:
    """Invoke the purger once, print its answer and follow the deletions; return the exit code.

    With `as_json`, the answer is also printed as JSON, with the deletions by outcome.

    Raises:
        CommandError: the purger cannot be invoked, fails, or refuses the run or approval.
    """
    answer = stack.invoke("Purger", event)
    if answer["outcome"] == "refused":
        raise CommandError(f"{answer['message']} ({answer['reason']})")
    console.print(answer["message"], markup=False)
    if "left_out" in answer:
        _print_left_out(console, answer["left_out"])
    ends: Counter[str] = Counter()
    if answer["outcome"] == "completed":
        ends = _follow(stack, console, name_of(policy, answer["run"]), answer["requested"], started_at)
    if as_json:
        print_json({**answer, "ends": ends})
    return EXIT_ALL_GONE if ends.keys() <= GONE else EXIT_SOME_LEFT


def _print_left_out(console: Console, left_out: dict[str, Any]) -> None:
    """Print the backups whose deletion was not requested, and why."""
    named = left_out["backups"]
    for each in named[:LEFT_OUT_SHOWN]:
        console.print(f"left out: {each['id']} ({each['reason']})", markup=False, soft_wrap=True)
    if left_out["count"] > LEFT_OUT_SHOWN:
        more = left_out["count"] - len(named[:LEFT_OUT_SHOWN])
        console.print(f"and {more:,} more; --json names the first {len(named):,}", markup=False)


def _follow(stack: Stack, console: Console, requested_by: str, requested: int, since: datetime) -> Counter[str]:
    """Follow the deletions until all have ended; return their number by outcome. Stopping this stops no deletion."""
    follower = Follower(DeletionLog(stack), about(requested_by), since, lambda line: _backup_of(line, requested_by))
    follow_to_the_end(follower, requested, console, lambda _backup_id, _line: None)
    ends = Counter(line.outcome for line in follower.ended.values())
    for outcome, count in sorted(ends.items()):
        console.print(f"{outcome}: {count:,}", markup=False)
    return ends


def _backup_of(line: LogRecord, requested_by: str) -> str | None:
    return line.backup_id if line.requested_by == requested_by else None
