"""`vbs-reaper explain`: shows the history of one backup's deletion, from the deleter's log and the stored plans."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from vbs_reaper.cli.deletion_log import DeletionLog, about, of_requests
from vbs_reaper.cli.history import RequestHistory, as_json, find_plan, group_by_request
from vbs_reaper.cli.history_text import at, beginning, conclusion, heading, of_pass, of_quiet_passes
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.stack import Stack
from vbs_reaper.deletion.request import invalid_backup_id
from vbs_reaper.errors import CommandError
from vbs_reaper.purge.calendar.duration import read_duration
from vbs_reaper.text import printable

EXIT_FOUND: Final = 0
EXIT_NOT_FOUND: Final = 2
DAYS: Final = {"days": 1, "months": 30, "years": 365}


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "explain",
        help="show the history of one backup's deletion",
        description="Shows who requested the deletion of a backup, what the cloud answered, what was decided, and how "
        "it ended.",
        epilog="Exit codes: 0 there is a history, 2 the log contains nothing about this backup, 1 invalid input.",
    )
    command.add_argument("backup_id", metavar="BACKUP_ID", help="the backup's ID")
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument(
        "--since", default="14d", metavar="AGE", help="how far back to search, such as 48h; default: %(default)s"
    )
    command.add_argument("--json", action="store_true", help="the history as JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Find the requests about the backup and print their histories; return the exit code.

    Raises:
        CommandError: the backup ID or the age is invalid, or the stack's log cannot be read.
    """
    fault = invalid_backup_id("BACKUP_ID", args.backup_id)
    if fault:
        raise CommandError(fault)
    since = datetime.now(UTC) - _age(args.since)
    histories = find_histories(Stack(args.stack), args.backup_id, since)
    if args.json:
        print_json(as_json(args.backup_id, histories), indent=2)
    elif histories:
        show(histories, Console(soft_wrap=True))
    else:
        print(f"The log since {at(since)} contains nothing about backup {args.backup_id}.")  # noqa: T201
    return EXIT_FOUND if histories else EXIT_NOT_FOUND


def find_histories(stack: Stack, backup_id: str, since: datetime) -> list[RequestHistory]:
    """Return every request about this backup that had a pass after `since`, oldest first.

    Raises:
        CommandError: the log cannot be read.
    """
    log = DeletionLog(stack)
    passes = [record for record in log.passes(about(backup_id), since) if record.backup_id == backup_id]
    if not passes:
        return []
    request_ids = {record.request_id for record in passes}
    # A pass that failed before it read its request does not contain the backup ID.
    unnamed = log.passes(of_requests(sorted(request_ids)), min(record.written_at for record in passes))
    passes += [record for record in unnamed if not record.backup_id and record.request_id in request_ids]
    plans = stack.plans
    return [
        replace(history, planned=find_plan(plans, backup_id, history.first_read.requested_by))
        for history in group_by_request(passes)
    ]


def show(histories: list[RequestHistory], console: Console) -> None:
    """Print every request with its passes, oldest first."""
    for number, history in enumerate(histories, 1):
        console.print(Text(heading(history, number, len(histories)), style="bold"))
        for sentence in beginning(history):
            console.print(Text(f"  {sentence}"))
        redrives = 0
        for record, quiet in zip(history.passes, history.quiet_passes, strict=True):
            if quiet:
                console.print(Text(f"  {of_quiet_passes(quiet)}"))
            if record.redrives > redrives:
                redrives = record.redrives
                console.print(Text(f"  It was sent again from the dead-letter queue (redrive {redrives})."))
            for moment, sentence in of_pass(record):
                console.print(Text(f"  {at(moment)}  ", style="cyan").append(sentence, style="default"))
        style = "yellow" if history.end is None else "green" if history.end.is_gone else "red"
        console.print(Text(f"  {conclusion(history)}", style=style))


def _age(text: str) -> timedelta:
    try:
        duration = read_duration(text)
    except ValueError as error:
        raise CommandError(f'--since "{printable(text[:40])}" {error}') from None
    days = sum(getattr(duration, unit) * length for unit, length in DAYS.items())
    return timedelta(days=min(days, 3650), hours=duration.hours)
