"""`vbs-reaper send`: requests the deletion of named backups and shows how each request ends."""

import argparse
import getpass
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from vbs_reaper.cli.deletion_log import DeletionLog, of_requests
from vbs_reaper.cli.exit_codes import EXIT_INTERRUPTED
from vbs_reaper.cli.files import read_file
from vbs_reaper.cli.follow import EXIT_ALL_GONE, EXIT_SOME_LEFT, Follower, follow_to_the_end
from vbs_reaper.cli.log_record import LogRecord
from vbs_reaper.cli.output import print_json
from vbs_reaper.cli.prompts import require_number
from vbs_reaper.cli.request_input import Line, RequestInput, argument_lines, file_lines, read_requests
from vbs_reaper.cli.request_sender import RequestSender
from vbs_reaper.cli.stack import Stack
from vbs_reaper.cli.target_check import find_unusable
from vbs_reaper.deletion.request import DeleteRequest
from vbs_reaper.errors import CommandError

UNCONFIRMED_LIMIT: Final = 20
"""More backups than this are deleted only after confirmation."""
STDIN: Final = "-"
_STYLES: Final = {"deleted": "green", "already_gone": "green", "sent": "green", "refused": "red", "parked": "red"}


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    command = commands.add_parser(
        "send",
        help="request the deletion of named backups, and follow it",
        description="Requests the deletion of the named backups and shows how each request ends. All input is checked "
        "before anything is sent.",
        epilog="Exit codes: 0 every backup is gone (with --no-wait: every request is in the queue), 2 some were "
        "refused, parked or not sent, 1 invalid input, 130 interrupted (the deletions continue).",
    )
    command.add_argument("ids", nargs="*", metavar="ID", help="a backup's ID")
    command.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    command.add_argument(
        "--file",
        metavar="FILE",
        help="one ID per line, or one whole request as JSON; # begins a comment; - is standard input",
    )
    command.add_argument("--target", metavar="T", help="the backups' target; default: the stack's default target")
    command.add_argument(
        "--project-id", metavar="P", help="a guard: the requests are refused if the target is another project"
    )
    command.add_argument("--reason", metavar="TEXT", help="why; it appears in the log and in the result events")
    command.add_argument("--requested-by", metavar="TEXT", help="who requests it; default: your login name")
    command.add_argument("--no-wait", action="store_true", help="send the requests, and do not follow them")
    command.add_argument("--json", action="store_true", help="one line of JSON for each request when it ends")
    command.add_argument(
        "--yes", action="store_true", help=f"do not ask for confirmation of more than {UNCONFIRMED_LIMIT} backups"
    )
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read all input, confirm, send, follow; return the exit code.

    Raises:
        CommandError: a line is invalid, the stack cannot be used, or the person did not confirm; nothing was sent.
    """
    console = Console(stderr=args.json, soft_wrap=True)
    given = read_requests(_read_lines(args), _defaults(args), datetime.now(UTC))
    for repeat in given.repeats:
        console.print(repeat, markup=False, highlight=False)
    stack = Stack(args.stack)
    for remark in find_unusable(stack, (request.target for request in given.requests)):
        console.print(remark, style="yellow", markup=False, highlight=False)
    _confirm(args, given)
    return SendRun(stack, console, args).carry_out(given.requests)


class SendRun:
    """Sends checked requests and follows them; prints each one when it ends, as a line of text or of JSON."""

    def __init__(self, stack: Stack, console: Console, args: argparse.Namespace) -> None:
        self._sender = RequestSender(stack)
        self._stack = stack
        self._console = console
        self._args = args

    def carry_out(self, requests: tuple[DeleteRequest, ...]) -> int:
        """Send the requests and follow them; return the exit code."""
        began = datetime.now(UTC)
        try:
            self._sender.send(requests)
            return self._follow(began)
        except KeyboardInterrupt:
            return self._report_interrupt(len(requests))

    def _follow(self, began: datetime) -> int:
        sent = self._sender.sent
        for request, code in sent.unsent:
            self._report(request.backup_id, "", "not_sent", f"the queue did not accept it ({code}); send it again")
        self._print(f"{len(sent.requests):,} {_requests_are(len(sent.requests))} in the queue.")
        if self._args.no_wait:
            for request_id, request in sent.requests.items():
                self._report(request.backup_id, request_id, "sent", "")
            return EXIT_SOME_LEFT if sent.unsent else EXIT_ALL_GONE
        log = DeletionLog(self._stack)
        follower = Follower(log, of_requests(list(sent.requests)), began, self._key_of)
        follow_to_the_end(follower, len(sent.requests), self._console, self._report_end)
        ends = Counter(record.outcome for record in follower.ended.values())
        self._print(", ".join(f"{outcome}: {count:,}" for outcome, count in sorted(ends.items())))
        all_gone = all(record.is_gone for record in follower.ended.values()) and not sent.unsent
        return EXIT_ALL_GONE if all_gone else EXIT_SOME_LEFT

    def _key_of(self, record: LogRecord) -> str | None:
        return record.request_id if record.request_id in self._sender.sent.requests else None

    def _report_end(self, request_id: str, record: LogRecord) -> None:
        request = self._sender.sent.requests[request_id]
        self._report(request.backup_id, request_id, record.outcome, _explain(record), record.reason)

    def _report(self, backup_id: str, request_id: str, outcome: str, message: str, reason: str = "") -> None:
        if self._args.json:
            fields = {
                "backup_id": backup_id,
                "request_id": request_id,
                "outcome": outcome,
                "reason": reason,
                "message": message,
            }
            print_json(fields)
            return
        line = Text(f"{backup_id}  ").append(outcome, style=_STYLES.get(outcome, "yellow"))
        self._console.print(line.append(f"  {message}" if message else ""))

    def _print(self, sentence: str) -> None:
        if sentence:
            self._console.print(sentence, markup=False, highlight=False)

    def _report_interrupt(self, wanted: int) -> int:
        sent = len(self._sender.sent.requests)
        rest = "" if sent == wanted else f" The others of {wanted:,} can be sent again without harm."
        self._print(
            f"Stopped following; {sent:,} {_requests_are(sent)} in the queue and will be processed.{rest} "
            f"To see the result: vbs-reaper explain ID --stack {self._args.stack}"
        )
        return EXIT_INTERRUPTED


def _explain(record: LogRecord) -> str:
    """Return why a request ended as it did, and what to do about it."""
    if record.is_gone:
        request_id = f", the cloud's request ID {record.cloud_request_id}" if record.cloud_request_id else ""
        return f"proven gone: {record.status}{request_id}"
    why = f"{record.reason}: {record.detail}"
    return f"{why}. {record.known_reason.action}" if record.known_reason else why


def _requests_are(number: int) -> str:
    return "request is" if number == 1 else "requests are"


def _read_lines(args: argparse.Namespace) -> list[Line]:
    arguments = list(argument_lines(args.ids))
    if args.file is None:
        return arguments
    if args.file == STDIN:
        name, content = "standard input", sys.stdin.buffer.read()
    else:
        name, content = args.file, read_file(Path(args.file))
    lines = list(file_lines(name, content))
    if not lines:
        raise CommandError(f"{name}: contains no backup ID; give one per line")
    return arguments + lines


def _defaults(args: argparse.Namespace) -> dict[str, str]:
    fields = {
        "target": args.target,
        "project_id": args.project_id,
        "reason": args.reason,
        "requested_by": args.requested_by or f"{_user()} (vbs-reaper send)",
    }
    return {name: value for name, value in fields.items() if value is not None}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the user has no name, as in a container
        return "unknown user"


def _confirm(args: argparse.Namespace, given: RequestInput) -> None:
    count = len(given.requests)
    if args.yes or count <= UNCONFIRMED_LIMIT:
        return
    if args.file == STDIN:
        raise CommandError(
            f"{count:,} backups need a confirmation, and standard input is the list itself; add --yes; nothing was sent"
        )
    question = f"To delete {count:,} backups permanently, type their number: "
    require_number(question, count, "that is not their number; nothing was sent")
