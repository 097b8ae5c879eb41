"""`vbs-reaper preview`: shows what a purge would delete and why. It sends nothing that changes anything.

Exit codes: 0 nothing would be deleted, 2 something would be deleted, now or when its grace ends, 3 a guard would refuse
the run, 1 invalid input, or the output cannot be written.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from vbs_reaper.backups.answer import SERVICES
from vbs_reaper.backups.hold_marker import HOLD_MARKER, is_empty_marker
from vbs_reaper.cli.backups_file import BackupsFile
from vbs_reaper.cli.files import read_file
from vbs_reaper.cli.live_backups import list_cloud, list_secret
from vbs_reaper.cli.plan_text import print_plan
from vbs_reaper.cli.policy_file import read_policy_file
from vbs_reaper.cli.stack_preview import plan_on_stack, print_how_to_approve
from vbs_reaper.errors import CommandError, InvalidBackupsFile, InvalidJson, InvalidPlan, InvalidPolicy, RunRefused
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import read_plan, write_plan
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.report.html_page import write_page
from vbs_reaper.text import printable
from vbs_reaper.timestamps import read_instant

EXIT_NOTHING_PLANNED: Final = 0
EXIT_DELETIONS_PLANNED: Final = 2
EXIT_GUARD_EXCEEDED: Final = 3
NO_HOLDS: Final = "The stack's holds and stops are not known here; preview with --stack."
"""Only the purger lists them: a preview on a desk may not have a stack at all."""

_ERRORS: Final = (InvalidPolicy, InvalidBackupsFile, RunRefused, InvalidPlan, InvalidJson)


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "preview",
        usage="%(prog)s --policy FILE (--stack | --secret | --cloud) NAME\n"
        "       %(prog)s --policy FILE --backups FILE",
        help="show what a purge would delete, and why",
        description="Shows what a purge by a policy would delete, and why. Sends nothing that changes anything.",
        epilog="Exit codes: 0 nothing would be deleted, 2 something would be deleted, now or when its grace ends, 3 a "
        "guard would refuse the run, 1 invalid input, or the output cannot be written.",
    )
    command.add_argument(
        "--policy",
        type=Path,
        required=True,
        metavar="FILE",
        help='the purge policy as JSON, or the event of a schedule that contains it: {"run": …}; the time of the event '
        "is ignored",
    )
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--backups",
        type=Path,
        metavar="FILE",
        help='the whole response of GET …/backups/detail (CBR: …/backups), as curl saves it: {"backups": [...]}',
    )
    source.add_argument(
        "--cloud", metavar="NAME", help="list the backups now: the target is this entry of your clouds.yaml"
    )
    source.add_argument(
        "--secret", metavar="NAME", help="list the backups now: the target is this secret, such as vbs-reaper/default"
    )
    source.add_argument(
        "--stack",
        metavar="NAME",
        help="have the purger of this stack list the backups and store the plan, so that it can be approved",
    )
    command.add_argument(
        "--last", type=Path, metavar="FILE", help="the last stored plan, for grace and for what is new since then"
    )
    command.add_argument("--now", metavar="RFC3339", help="plan as if it were this time; default: now")
    command.add_argument(
        "--service",
        choices=SERVICES,
        help="the backup service; default: that of the target, or detected from the file",
    )
    command.add_argument(
        "--hold-marker",
        metavar="TEXT",
        help=f"the text that marks a held backup; default: that of the target, or {HOLD_MARKER}",
    )
    output = command.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="the plan as JSON: every backup with its reasons")
    output.add_argument("--html", type=Path, metavar="FILE", help="write the plan as an HTML page")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the plan and print it; return the exit code.

    Raises:
        CommandError: the policy, the backups, the last plan or the time cannot be used.
    """
    try:
        made = _plan_here(args) if args.stack is None else _plan_on_stack(args)
    except _ERRORS as error:
        raise CommandError(str(error)) from None
    _print(made, args)
    if made.exceeded:
        return EXIT_GUARD_EXCEEDED
    return EXIT_DELETIONS_PLANNED if made.totals.selected else EXIT_NOTHING_PLANNED


def _plan_here(args: argparse.Namespace) -> Plan:
    policy, last, given_now = read_policy_file(args.policy), _last(args.last), _instant(args.now)
    inventory = _inventory(args)
    now = given_now or datetime.now(UTC).replace(microsecond=0)
    made = plan(_with_target(policy, last, args.secret), inventory, now, last=last)
    notes = inventory.backups.notes if isinstance(inventory.backups, BackupsFile) else ()
    return replace(made, warnings=(*made.warnings, *notes))


def _plan_on_stack(args: argparse.Namespace) -> Plan:
    for option in ("last", "now", "service", "hold_marker"):
        if getattr(args, option) is not None:
            raise CommandError(
                f"--{option.replace('_', '-')} cannot be used with --stack: the stack's purger determines it"
            )
    return plan_on_stack(args.stack, read_policy_file(args.policy), datetime.now(UTC))


def _from_file(args: argparse.Namespace) -> Inventory:
    return BackupsFile(args.backups).inventory(args.service, args.hold_marker or HOLD_MARKER)


def _from_cloud(args: argparse.Namespace) -> Inventory:
    return _with_options(list_cloud(args.cloud), args)


def _from_secret(args: argparse.Namespace) -> Inventory:
    return _with_options(list_secret(args.secret), args)


def _with_options(listed: Inventory, args: argparse.Namespace) -> Inventory:
    return replace(
        listed,
        service=args.service or listed.service,
        hold_marker=args.hold_marker or listed.hold_marker,
    )


Source = Callable[[argparse.Namespace], Inventory]

SOURCES: Final[Mapping[str, Source]] = {"backups": _from_file, "cloud": _from_cloud, "secret": _from_secret}
"""How to read the backups, by option; argparse ensures that one of these options, or `--stack`, is given."""


def _inventory(args: argparse.Namespace) -> Inventory:
    if args.hold_marker is not None and is_empty_marker(args.hold_marker):
        raise CommandError("--hold-marker is empty: every backup would be held")
    return next(source(args) for option, source in SOURCES.items() if getattr(args, option) is not None)


def _with_target(policy: PurgePolicy, last: Plan | None, secret: str | None) -> PurgePolicy:
    """Set the target of a policy without one to that of the last plan, unless `secret` is of another target.

    The purger sets its default target; otherwise the two plans could not be compared.
    """
    target = UNSET if last is None else last.policy.target
    is_listed = secret is None or secret.rpartition("/")[2] == target
    return msgspec.structs.replace(policy, target=target) if policy.target is UNSET and is_listed else policy


def _last(path: Path | None) -> Plan | None:
    if path is None:
        return None
    try:
        return read_plan(read_file(path).removesuffix(b"\n"))
    except InvalidPlan as error:
        raise CommandError(f"{path}: {error}") from None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        has_zone = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        has_zone = False
    moment = read_instant(text)
    if not has_zone or moment is None or not 1970 <= moment.year <= 2999:
        raise CommandError(
            f'--now is "{printable(text[:40])}"; give an instant with a time zone, such as 2026-11-25T04:00:00Z'
        )
    return moment


def _print(made: Plan, args: argparse.Namespace) -> None:
    if args.json:
        for piece in write_plan(made):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.write(b"\n")
        return
    if args.html:
        try:
            with args.html.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(write_page(made))
        except OSError as error:
            raise CommandError(f"{args.html}: {error.strerror or error}") from None
    console = Console(width=_width())
    print_plan(made, console, with_calendars=not args.html)
    if args.stack is None:
        console.print(Text(NO_HOLDS, "dim"))
    else:
        print_how_to_approve(made, args.stack, console)


def _width() -> int | None:
    """Return None for a terminal, where Rich detects the width; for a file or pipe, the width that a calendar needs."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
