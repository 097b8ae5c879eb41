"""Requests sent and followed to their ends, each told of as it ends: as a line, or as JSON."""

import argparse
import json
from collections import Counter
from datetime import UTC
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from vbs_reaper.console.deleter_log import DeleterLog
from vbs_reaper.console.deleter_log import of_requests
from vbs_reaper.console.deployed_stack import DeployedStack
from vbs_reaper.console.following import EXIT_ALL_GONE
from vbs_reaper.console.following import EXIT_SOME_LEFT
from vbs_reaper.console.following import Following
from vbs_reaper.console.following import follow_to_the_end
from vbs_reaper.console.pass_line import PassLine
from vbs_reaper.console.refusal import EXIT_INTERRUPTED
from vbs_reaper.console.requesting import Requesting
from vbs_reaper.deletion.request import DeleteRequest

_STYLES: Final = {"deleted": "green", "already_gone": "green", "sent": "green", "refused": "red", "parked": "red"}


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
        line = Text(f"{backup_id}  ").append(outcome, style=_STYLES.get(outcome, "yellow"))
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


def words_of(line: PassLine) -> str:
    """Why a request ended so, and what to do where something is to be done."""
    if line.is_gone:
        return f"proven gone: {line.status}, the cloud's request id {line.cloud_request_id or '(none)'}"
    said = f"{line.reason}: {line.detail}"
    return f"{said}. {line.known_reason.action}" if line.known_reason else said


def _requests(count: int) -> str:
    return "request is" if count == 1 else "requests are"
