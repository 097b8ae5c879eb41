"""`vbs-reaper hold`: forbids the stack to delete a backup, or all backups of a volume.

Exit codes: 0 it is held, 1 invalid input or an error.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET

from vbs_reaper.backups.holds import Hold, HoldKind, HoldRecord
from vbs_reaper.cli.hold_input import GivenHold, read_holds_file, read_id, read_reason, read_until
from vbs_reaper.cli.hold_text import as_instant, as_json, period, what
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.plan_search import find_seen
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.stored_holds import DIGITS, StoredHold, StoredHolds, find_caller
from vbs_reaper.errors import CommandError
from vbs_reaper.text import count, printable

WITHIN: Final = "No DELETE that it forbids is sent later than 60 seconds from now."


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "hold",
        help="forbid the deletion of a backup, or of all backups of a volume",
        description="Forbids the stack to delete a backup, or all backups of a volume, also later ones. The ID must be "
        "in the newest stored plan of a policy. It binds this stack only: other stacks, the cloud's console and the "
        "cloud's own expiry can still delete the backups.",
        epilog="Exit codes: 0 it is held, 1 invalid input or an error.",
    )
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    on = command.add_mutually_exclusive_group(required=True)
    on.add_argument("--backup", metavar="ID", help="hold this backup")
    on.add_argument("--volume", metavar="ID", help="hold all backups of this volume")
    on.add_argument(
        "--from-file",
        type=Path,
        metavar="FILE",
        help="write the live holds and stops that `holds --json` printed for another stack; those that exist already "
        "are not written again",
    )
    command.add_argument(
        "--until", metavar="DATE", help="the last day, in UTC, or an RFC 3339 time; default: until it is released"
    )
    command.add_argument("--reason", metavar="TEXT", help="why, 1 to 256 characters; required, except with --from-file")
    command.add_argument("--unseen", action="store_true", help="do not look the ID up in the stored plans")
    command.add_argument("--json", action="store_true", help="the hold as JSON")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the hold; return the exit code.

    Raises:
        CommandError: an option is invalid, no stored plan contains the ID, or AWS failed.
    """
    if args.from_file is not None:
        return _copy(args)
    now = datetime.now(UTC)
    kind, option = (HoldKind.BACKUP, "--backup") if args.backup is not None else (HoldKind.VOLUME, "--volume")
    on = read_id(option, args.volume if args.backup is None else args.backup)
    until, reason = read_until(args.until, now), read_reason(args.reason)
    stack = Stack(args.stack)
    record, seen = HoldRecord(reason=reason, by=find_caller(stack), at=now.replace(microsecond=0)), ""
    if not args.unseen:
        record, seen = _with_target(stack, kind, on, record)
    stored = StoredHolds(stack).write(kind, on, until, record)
    if args.json:
        print_json(as_json(stored, now))
    else:
        print("\n".join(_lines(stored, seen, args.stack)))  # noqa: T201  # the output of the command
    return 0


def _with_target(stack: Stack, kind: HoldKind, on: str, record: HoldRecord) -> tuple[HoldRecord, str]:
    """Return the record with target and name, and where the ID was found, as a sentence."""
    seen = find_seen(stack, kind, on)
    if seen is None:
        raise CommandError(
            f"no policy's newest stored plan contains {kind.value} {on}, so nothing was held; check the ID, or add "
            "--unseen to hold it anyway"
        )
    is_backup = kind is HoldKind.BACKUP
    found = HoldRecord(
        reason=record.reason,
        by=record.by,
        at=record.at,
        target=seen.target or UNSET,
        backup_name=seen.backup_name if is_backup and seen.backup_name is not None else UNSET,
    )
    number = "It" if is_backup else count(seen.backups, "backup")
    return found, f"{number} {'is' if seen.backups == 1 else 'are'} in the plan {printable(seen.plan)}."


def _lines(stored: StoredHold, seen: str, stack: str) -> Sequence[str]:
    until = stored.hold.until
    exact = "" if until is None else f", that is {as_instant(until)}"
    return [
        f"held: {what(stored)}",
        f"{period(until)}{exact}",
        *([seen] if seen else []),
        WITHIN,
        "A deletion that the cloud has accepted before cannot be called back.",
        f"To release it: vbs-reaper release --stack {stack} {stored.hold.name[-DIGITS:]}",
    ]


def _copy(args: argparse.Namespace) -> int:
    if args.until is not None or args.reason is not None or args.unseen:
        raise CommandError("--from-file cannot be used with --until, --reason or --unseen: the file contains them")
    given, now = read_holds_file(args.from_file), datetime.now(UTC)
    live = [hold for hold in given if hold.until is None or hold.until > now]
    stack = Stack(args.stack)
    store, by = StoredHolds(stack), find_caller(stack)
    new = _without_existing(store, live)
    written = store.write_all(
        partial(store.write, hold.kind, _on(hold), hold.until, _record(hold, by, now)) for hold in new
    )
    if args.json:
        print_json({"holds": [as_json(each, now) for each in written]})
        return 0
    print(  # noqa: T201
        f"{count(len(written), 'hold')} and stops written; {len(live) - len(new):,} existed already, "
        f"{len(given) - len(live):,} of the file have ended"
    )
    return 0


def _without_existing(store: StoredHolds, given: Sequence[GivenHold]) -> list[GivenHold]:
    """Return each hold once, without those on the same thing, with the same end and reason, that the stack has."""
    wanted = {_key(hold.kind, _on(hold), hold.until) for hold in given}
    same: list[Hold] = [hold for hold in store.list_all() if _key(hold.kind, hold.of, hold.until) in wanted]
    existing = {
        (_key(each.hold.kind, each.hold.of, each.hold.until), each.record.reason)
        for each in store.read(same)
        if each.record is not None
    }
    by_key = {(_key(hold.kind, _on(hold), hold.until), hold.reason): hold for hold in given}
    return [hold for key, hold in by_key.items() if key not in existing]


def _key(kind: HoldKind, on: str, until: datetime | None) -> tuple[HoldKind, str, str]:
    return kind, on.casefold(), "" if until is None else as_instant(until)


def _on(hold: GivenHold) -> str:
    return hold.id if hold.kind is HoldKind.RUN else hold.id.lower()


def _record(hold: GivenHold, by: str, now: datetime) -> HoldRecord:
    return HoldRecord(
        reason=hold.reason,
        by=by,
        at=now.replace(microsecond=0),
        target=hold.target,
        backup_name=hold.backup_name,
    )
