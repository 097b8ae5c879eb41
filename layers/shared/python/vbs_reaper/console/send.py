"""`vbs-reaper send`: asks for the deletion of named backups, and shows how each request ends."""

import argparse
import getpass
import json
import sys
from collections import Counter
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import Final

from rich.console import Console
from rich.text import Text

from vbs_reaper.console.asked_for import AskedFor
from vbs_reaper.console.asked_for import Line
from vbs_reaper.console.asked_for import lines
from vbs_reaper.console.asked_for import read_all
from vbs_reaper.console.asked_for import words
from vbs_reaper.console.deleter_log import DeleterLog
from vbs_reaper.console.deleter_log import of_requests
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.following import Following
from vbs_reaper.console.following import follow_to_the_end
from vbs_reaper.console.pass_line import PassLine
from vbs_reaper.console.refusal import Refused
from vbs_reaper.console.requesting import Requesting
from vbs_reaper.deletion.request import DeleteRequest

EXIT_ALL_GONE: Final = 0
EXIT_SOME_LEFT: Final = 2
EXIT_INTERRUPTED: Final = 130
A_HANDFUL: Final = 20
"""More than so many are not sent without a word of confirmation."""
STDIN: Final = "-"


def add_to(commands: Any) -> None:  # noqa: ANN401  # argparse does not export the type
    """Add the command and its options."""
    own = commands.add_parser(
        "send",
        help="ask for the deletion of named backups, and follow it",
        description="Asks for the deletion of the named backups and shows how each request ends. Everything is checked "
        "before anything is sent.",
        epilog="Exit codes: 0 every backup is gone (with --no-wait: every request is in the queue), 2 some were "
        "refused, parked or not sent, 1 bad input, 130 interrupted (the deletions go on).",
    )
    own.add_argument("ids", nargs="*", metavar="ID", help="a backup's id")
    own.add_argument("--stack", required=True, metavar="NAME", help="the deployed stack")
    own.add_argument(
        "--file",
        metavar="FILE",
        help="one id a line, or one whole request as JSON; # begins a comment; - is standard input",
    )
    own.add_argument("--target", metavar="T", help="whose backups; default: the stack's default target")
    own.add_argument("--project-id", metavar="P", help="a guard: refused where the target is of another project")
    own.add_argument("--reason", metavar="TEXT", help="why; stands in the log and the events")
    own.add_argument("--requested-by", metavar="TEXT", help="who asks; default: the name you are logged in with")
    own.add_argument("--no-wait", action="store_true", help="send, and do not wait for the ends")
    own.add_argument("--json", action="store_true", help="one JSON object a line for each request, as it ends")
    own.add_argument("--yes", action="store_true", help=f"do not ask, however many (else above {A_HANDFUL})")
    own.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Read all, ask, send, follow.

    Raises:
        Refused: a line is bad, the stack cannot be used, or the person does not agree; nothing was sent.
    """
    console = Console(stderr=chosen.json, soft_wrap=True)
    asked = read_all(_given(chosen), _shared(chosen), datetime.now(UTC))
    for repeat in asked.repeats:
        console.print(repeat, markup=False, highlight=False)
    stack = DeployedStack(chosen.stack)
    _confirm(chosen, asked)
    return Sending(stack, console, chosen).carry_out(asked.requests)


class Sending:
    """One run of the command, once everything is checked."""

    def __init__(self, stack: DeployedStack, console: Console, chosen: argparse.Namespace) -> None:
        self._requesting = Requesting(stack)
        self._stack = stack
        self._console = console
        self._chosen = chosen

    def carry_out(self, requests: tuple[DeleteRequest, ...]) -> int:
        """Send and follow; the exit code."""
        began = datetime.now(UTC)
        try:
            self._requesting.send(requests)
            return self._follow(began)
        except KeyboardInterrupt:
            return self._say_interrupted(len(requests))

    def _follow(self, began: datetime) -> int:
        sent = self._requesting.sent
        for request, code in sent.unsent:
            self._tell(request.backup_id, "", "not_sent", f"the queue did not take it ({code}); send it again")
        self._say(f"{len(sent.requests):,} {_requests(len(sent.requests))} in the queue.")
        if self._chosen.no_wait:
            for request_id, request in sent.requests.items():
                self._tell(request.backup_id, request_id, "sent", "")
            return EXIT_SOME_LEFT if sent.unsent else EXIT_ALL_GONE
        log = DeleterLog(self._stack)
        following = Following(log, of_requests(list(sent.requests)), began, self._whose)
        follow_to_the_end(following, len(sent.requests), self._console, self._tell_end)
        ends = Counter(line.outcome for line in following.ended.values())
        self._say(", ".join(f"{outcome}: {count:,}" for outcome, count in sorted(ends.items())))
        all_gone = all(line.is_gone for line in following.ended.values()) and not sent.unsent
        return EXIT_ALL_GONE if all_gone else EXIT_SOME_LEFT

    def _whose(self, line: PassLine) -> str | None:
        return line.request_id if line.request_id in self._requesting.sent.requests else None

    def _tell_end(self, request_id: str, line: PassLine) -> None:
        request = self._requesting.sent.requests[request_id]
        self._tell(request.backup_id, request_id, line.outcome, words_of(line), line.reason)

    def _tell(self, backup_id: str, request_id: str, outcome: str, why: str, reason: str = "") -> None:
        if self._chosen.json:
            document = {
                "backup_id": backup_id,
                "request_id": request_id,
                "outcome": outcome,
                "reason": reason,
                "message": why,
            }
            print(json.dumps(document), flush=True)  # noqa: T201  # a command speaks here
            return
        line = Text(f"{backup_id}  ").append(outcome, style=STYLES.get(outcome, "yellow"))
        self._console.print(line.append(f"  {why}" if why else ""))

    def _say(self, sentence: str) -> None:
        if sentence:
            self._console.print(sentence, markup=False, highlight=False)

    def _say_interrupted(self, wanted: int) -> int:
        sent = len(self._requesting.sent.requests)
        rest = "" if sent == wanted else f" Of {wanted:,} only these; the others can be sent again without harm."
        self._say(
            f"No longer looking; {sent:,} {_requests(sent)} in the queue and will be carried out.{rest} "
            f"To look again: vbs-reaper explain ID --stack {self._chosen.stack}"
        )
        return EXIT_INTERRUPTED


STYLES: Final = {"deleted": "green", "already_gone": "green", "sent": "green", "refused": "red", "parked": "red"}


def words_of(line: PassLine) -> str:
    """Why a request ended so, and what to do where something is to be done."""
    if line.is_gone:
        return f"proven gone: {line.status}, the cloud's request id {line.cloud_request_id or '(none)'}"
    said = f"{line.reason}: {line.detail}"
    return f"{said}. {line.known_reason.action}" if line.known_reason else said


def _requests(count: int) -> str:
    return "request is" if count == 1 else "requests are"


def _given(chosen: argparse.Namespace) -> list[Line]:
    given = list(words(chosen.ids))
    if chosen.file is None:
        return given
    if chosen.file == STDIN:
        name, content = "standard input", sys.stdin.buffer.read()
    else:
        name, content = chosen.file, _read(Path(chosen.file))
    found = list(lines(name, content))
    if not found:
        raise Refused(f"{name}: names no backup; give one id a line")
    return given + found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None


def _shared(chosen: argparse.Namespace) -> dict[str, str]:
    requested_by = chosen.requested_by or f"{_user()} (vbs-reaper send)"
    given = {
        "target": chosen.target,
        "project_id": chosen.project_id,
        "reason": chosen.reason,
        "requested_by": requested_by,
    }
    return {name: value for name, value in given.items() if value is not None}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user, as in a container
        return "somebody"


def _confirm(chosen: argparse.Namespace, asked: AskedFor) -> None:
    count = len(asked.requests)
    if chosen.yes or count <= A_HANDFUL:
        return
    if chosen.file == STDIN:
        raise Refused(f"{count:,} backups, and standard input is the list itself; say --yes; nothing was sent")
    print(f"To delete {count:,} backups for good, type their number: ", end="", file=sys.stderr, flush=True)  # noqa: T201
    typed = sys.stdin.readline().strip()
    if typed.replace(",", "") != str(count):
        raise Refused("that is not their number; nothing was sent")
