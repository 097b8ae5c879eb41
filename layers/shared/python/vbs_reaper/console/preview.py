"""`vbs-reaper preview`: what a purge would do, and why, without sending anything that changes anything.

Exit codes: 0 nothing goes, 2 something would go, 3 a guard would refuse the run; 1 the input is refused.
"""

import argparse
import os
import sys
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import Final

import msgspec
from msgspec import UNSET
from rich.console import Console

from vbs_reaper.console.backups_file import BackupsFile
from vbs_reaper.console.backups_file import FileRefused
from vbs_reaper.console.live_backups import list_cloud
from vbs_reaper.console.live_backups import list_secret
from vbs_reaper.console.refusal import Refused
from vbs_reaper.console.stack_preview import plan_on_stack
from vbs_reaper.console.stack_preview import print_how_to_approve
from vbs_reaper.console.summary import print_plan
from vbs_reaper.openstack.backup import read_instant
from vbs_reaper.openstack.fault import printable
from vbs_reaper.openstack.hold import is_empty_marker
from vbs_reaper.purge.document import PlanRefused
from vbs_reaper.purge.document import read_plan
from vbs_reaper.purge.document import write_plan
from vbs_reaper.purge.inventory import HOLD_MARKER
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.inventory import PurgeRefused
from vbs_reaper.purge.picture.page import write_page
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.policy import POLICY_LIMIT_BYTES
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.policy import read_policy
from vbs_reaper.purge.policy_refusal import PolicyRefused
from vbs_reaper.strict_json import JsonRefused
from vbs_reaper.strict_json import read_json

EXIT_NOTHING_GOES: Final = 0
EXIT_SOMETHING_GOES: Final = 2
EXIT_GUARD_REFUSES: Final = 3

_REFUSALS: Final = (PolicyRefused, FileRefused, PurgeRefused, PlanRefused, JsonRefused)


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    words = commands.add_parser(
        "preview",
        help="show what a purge would delete, and why",
        description="Shows what a purge by a policy would delete, and why. Sends nothing that changes anything.",
        epilog="Exit codes: 0 nothing goes, 2 something would go, 3 a guard would refuse the run, 1 bad input.",
    )
    words.add_argument(
        "--policy", type=Path, required=True, metavar="FILE", help='the purge policy, as JSON, also within {"run": …}'
    )
    source = words.add_mutually_exclusive_group(required=True)
    source.add_argument("--backups", type=Path, metavar="FILE", help='the API\'s list answer: {"backups": [...]}')
    source.add_argument("--cloud", metavar="NAME", help="list them now: the target is this entry of your clouds.yaml")
    source.add_argument(
        "--secret", metavar="NAME", help="list them now: the target is this secret, such as vbs-reaper/default"
    )
    source.add_argument(
        "--stack", metavar="NAME", help="let this stack's purger list them and store the plan, so it can be approved"
    )
    words.add_argument(
        "--last", type=Path, metavar="FILE", help="the last stored plan: grace and what is new count from it"
    )
    words.add_argument("--now", metavar="RFC3339", help="plan as if it were then; default: now")
    words.add_argument(
        "--service", choices=["vbs", "cinder"], help="whose backups; default: the target's, or told from the file"
    )
    words.add_argument(
        "--hold-marker", metavar="TEXT", help=f"what marks a held backup; default: the target's, or {HOLD_MARKER}"
    )
    output = words.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="the plan as JSON, every backup with its reasons")
    output.add_argument("--html", type=Path, metavar="FILE", help="write the plan as a page")
    words.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Plan, show, and say by the exit code what would happen.

    Raises:
        Refused: policy, backups, last plan or time cannot be used.
    """
    try:
        made = _plan_here(chosen) if chosen.stack is None else _plan_on_stack(chosen)
    except _REFUSALS as refusal:
        raise Refused(str(refusal)) from None
    _show(made, chosen)
    if made.exceeded:
        return EXIT_GUARD_REFUSES
    return EXIT_SOMETHING_GOES if made.totals.selected else EXIT_NOTHING_GOES


def _plan_here(chosen: argparse.Namespace) -> Plan:
    policy, last, asked = _policy(chosen.policy), _last(chosen.last), _instant(chosen.now)
    inventory = _inventory(chosen)
    now = asked or datetime.now(UTC).replace(microsecond=0)
    return plan(_named_like(policy, last, chosen.secret), inventory, now, last=last)


def _plan_on_stack(chosen: argparse.Namespace) -> Plan:
    for option in ("last", "now", "service", "hold_marker"):
        if getattr(chosen, option) is not None:
            raise Refused(f"--{option.replace('_', '-')} does not go with --stack: the stack's purger decides that")
    return plan_on_stack(chosen.stack, _policy(chosen.policy), datetime.now(UTC))


def _from_file(chosen: argparse.Namespace) -> Inventory:
    return BackupsFile(chosen.backups).inventory(chosen.service, chosen.hold_marker or HOLD_MARKER)


def _from_cloud(chosen: argparse.Namespace) -> Inventory:
    return _as_asked(list_cloud(chosen.cloud), chosen)


def _from_secret(chosen: argparse.Namespace) -> Inventory:
    return _as_asked(list_secret(chosen.secret), chosen)


def _as_asked(listed: Inventory, chosen: argparse.Namespace) -> Inventory:
    return replace(
        listed,
        service=chosen.service or listed.service,
        hold_marker=chosen.hold_marker or listed.hold_marker,
    )


Source = Callable[[argparse.Namespace], Inventory]

SOURCES: Final[Mapping[str, Source]] = {"backups": _from_file, "cloud": _from_cloud, "secret": _from_secret}
"""Where backups come from, by the option that says so; exactly one of these options is given."""


def _inventory(chosen: argparse.Namespace) -> Inventory:
    if chosen.hold_marker is not None and is_empty_marker(chosen.hold_marker):
        raise Refused("--hold-marker is empty: every backup would be held")
    return next(source(chosen) for option, source in SOURCES.items() if getattr(chosen, option) is not None)


def _policy(path: Path) -> PurgePolicy:
    try:
        text = _read(path).decode()
        document = read_json(text, limit=POLICY_LIMIT_BYTES)
        is_event = isinstance(document, dict) and document.keys() == {"run"}  # what a schedule gives to the purger
        return read_policy(document["run"] if is_event else document)
    except UnicodeDecodeError:
        raise Refused(f"{path}: is no JSON: it is not UTF-8") from None
    except (JsonRefused, PolicyRefused) as refusal:
        raise Refused(f"{path}: {refusal}") from None


def _named_like(policy: PurgePolicy, last: Plan | None, secret: str | None) -> PurgePolicy:
    """Name the target that the last plan names, as the purger would, unless another one is listed."""
    named = UNSET if last is None else last.policy.target
    is_listed = secret is None or secret.rpartition("/")[2] == named
    return msgspec.structs.replace(policy, target=named) if policy.target is UNSET and is_listed else policy


def _last(path: Path | None) -> Plan | None:
    if path is None:
        return None
    try:
        return read_plan(_read(path).removesuffix(b"\n"))
    except PlanRefused as refusal:
        raise Refused(f"{path}: {refusal}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        zoned = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        zoned = False
    moment = read_instant(text)
    if not zoned or moment is None or not 1970 <= moment.year <= 2999:
        raise Refused(f'--now is "{printable(text[:40])}"; give an instant with a zone, such as 2026-11-25T04:00:00Z')
    return moment


def _show(made: Plan, chosen: argparse.Namespace) -> None:
    if chosen.json:
        for piece in write_plan(made):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.write(b"\n")
        return
    if chosen.html:
        try:
            with chosen.html.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(write_page(made))
        except OSError as error:
            raise Refused(f"{chosen.html}: {error.strerror or error}") from None
    console = Console(width=_width())
    print_plan(made, console, with_calendars=not chosen.html)
    if chosen.stack is not None:
        print_how_to_approve(made, chosen.stack, console)


def _width() -> int | None:
    """Rich knows a terminal's width; a file or pipe gets what a calendar needs."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
