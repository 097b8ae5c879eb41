"""`vbs-reaper stop`: withdraws the requests of a purge policy, or of one run of it, that have not been carried out.

Exit codes: 0 it is stopped, 1 invalid input or an error.
"""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console

from vbs_reaper.backups.holds import EVERY_RUN, HoldKind, HoldRecord
from vbs_reaper.cli.hold_input import read_reason
from vbs_reaper.cli.hold_text import as_json, period, what
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.run_requests import RunRequests, find_requests
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_holds import DIGITS, StoredHold, StoredHolds, find_caller
from vbs_reaper.cli.stored_plans import find_run, newest_plans, runs_of
from vbs_reaper.errors import CommandError
from vbs_reaper.text import count, printable

LIFE: Final = timedelta(days=14)
"""Longer than any request lives, and as far back as the log is read."""
SHOWN: Final = 20
"""Maximum number of backups that are printed. The JSON contains all."""


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "stop",
        help="withdraw the deletions that a purge policy, or one run of it, has requested",
        description="Withdraws what a run of a purge policy has requested, and stops the purger if it is still "
        "sending. Without --run, all runs of the policy are stopped, also later ones, until the stop is released. "
        "Deletions that the cloud has accepted before cannot be called back: they are listed.",
        epilog="Exit codes: 0 it is stopped, 1 invalid input or an error.",
    )
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument("--policy", required=True, metavar="NAME", help="the policy")
    command.add_argument(
        "--run",
        dest="run_name",
        metavar="RUN",
        help="only this run: its name, or the beginning of it; the stop lasts 14 days",
    )
    command.add_argument("--reason", metavar="TEXT", help="why, 1 to 256 characters; required")
    command.add_argument("--json", action="store_true", help="the stop, and what became of the requests, as JSON")
    command.set_defaults(run=run)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stopped:
    """A stop that was written; what became of the requests, or why that is not known."""

    stop: StoredHold
    run: str | None
    requests: RunRequests | None
    problem: str


def run(args: argparse.Namespace) -> int:
    """Write the stop, and report what it withdraws; return the exit code.

    Raises:
        CommandError: the policy or the run does not exist, or the stop cannot be written.
    """
    reason, now = read_reason(args.reason), datetime.now(UTC)
    stack = Stack(args.stack)
    run_name = _find_run(stack, args.policy, args.run_name)
    record = HoldRecord(reason=reason, by=find_caller(stack), at=now.replace(microsecond=0))
    until = None if run_name is None else (now + LIFE).replace(microsecond=0)
    stop = StoredHolds(stack).write(HoldKind.RUN, f"{args.policy}/{run_name or EVERY_RUN}", until, record)
    requests, problem = None, ""
    try:
        with Console(stderr=True).status("it is stopped; reading the deleter's log"):
            requests = find_requests(stack, args.policy, run_name, now - LIFE)
    except CommandError as error:
        problem = str(error)
    stopped = _Stopped(stop=stop, run=run_name, requests=requests, problem=problem)
    if args.json:
        print_json(_json(stopped, now), indent=2)
    else:
        print("\n".join(_lines(stopped, args)))  # noqa: T201  # the output of the command
    return 0


def _find_run(stack: Stack, policy: str, given: str | None) -> str | None:
    """Return the whole name of the run; None for every run of a policy that has stored a plan."""
    if given is not None:
        return find_run(stack, policy, given)
    if not runs_of(stack, policy):
        known = ", ".join(name for name, _ in newest_plans(stack)) or "none"
        raise CommandError(
            f'policy "{printable(policy[:64])}" has no stored plan, so it has requested nothing and nothing was '
            f"stopped; the policies with plans: {known}"
        )
    return None


def _lines(stopped: _Stopped, args: argparse.Namespace) -> list[str]:
    lines = [
        f"stopped: {what(stopped.stop)}",
        period(stopped.stop.hold.until),
        "Its requests are withdrawn: no DELETE for them is sent later than 60 seconds from now.",
        "They end as superseded (stopped); the policy's next plan decides about their backups.",
    ]
    if stopped.run is None:
        lines.append("The policy's next runs and approvals are refused (stopped) until the stop is released.")
    lines.append(f"To release it: vbs-reaper release --stack {args.stack} {stopped.stop.hold.name[-DIGITS:]}")
    if stopped.requests is None:
        return [*lines, "", f"What was requested and accepted before is not known: {stopped.problem}"]
    requests = stopped.requests
    open_requests = len(requests.waiting) + requests.undelivered
    lines += [
        "",
        f"withdrawn: {count(open_requests, 'request')} "
        f"({len(requests.waiting):,} waiting, {requests.undelivered:,} not delivered yet)",
        f"accepted by the cloud, cannot be called back: {count(len(requests.accepted), 'deletion')}",
        *_shown(requests.accepted),
        f"gone before: {count(len(requests.gone), 'backup')}",
        *_shown(requests.gone),
        f"refused, superseded or parked before: {count(len(requests.ended), 'request')}",
    ]
    return lines


def _shown(backup_ids: tuple[str, ...]) -> list[str]:
    more = len(backup_ids) - SHOWN
    shown = [f"  {printable(backup_id)}" for backup_id in backup_ids[:SHOWN]]
    return [*shown, f"  and {more:,} more; --json lists them"] if more > 0 else shown


def _json(stopped: _Stopped, now: datetime) -> dict[str, Any]:
    requests = stopped.requests
    document: dict[str, Any] = {"stop": as_json(stopped.stop, now)}
    if requests is None:
        return {**document, "requests": None, "problem": stopped.problem}
    return {
        **document,
        "requests": {
            "withdrawn": len(requests.waiting) + requests.undelivered,
            "undelivered": requests.undelivered,
            "waiting": requests.waiting,
            "accepted": requests.accepted,
            "gone": requests.gone,
            "ended": requests.ended,
        },
    }
