"""Selects letters and moves them out of the dead-letter queue, one after the other, each completely or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.progress import Progress

from vbs_reaper.aws.error_codes import AWS_ERRORS, code_of
from vbs_reaper.aws.queue_message import queue_entry
from vbs_reaper.cli.dead_letters.dead_letter import Letter
from vbs_reaper.cli.dead_letters.letter_queue import HiddenLetters, signals_deferred
from vbs_reaper.errors import CommandError
from vbs_reaper.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from rich.console import Console

    from vbs_reaper.cli.dead_letters.dead_letter import LetterKind

BeforeDelete = Callable[[Letter], None]
"""Called with each letter before it is deleted from the queue; the letter is kept if it raises."""


@dataclass(slots=True)
class MoveProgress:
    """How many letters were selected, and the request IDs of those that were moved so far, in order."""

    selected: int
    request_ids: list[str] = field(default_factory=list)
    is_interrupted: bool = False


def select_letters(
    letters: Sequence[Letter], kind: LetterKind | None, request_ids: Sequence[str] | None, *, for_redrive: bool
) -> list[Letter]:
    """Return the letters of a kind, those of the request IDs, or (if neither is given) all that can heal by themselves.

    "All" leaves out refusals of the backup itself: only a person knows whether it has changed, and selects them.

    Raises:
        CommandError: a request ID has no letter, or a letter that is selected `for_redrive` cannot heal.
    """
    if kind is not None:
        of_kind = [letter for letter in letters if letter.kind == kind and (letter.can_heal or not for_redrive)]
        if for_redrive and not kind.can_heal and not of_kind:
            raise CommandError(f'"{kind.code}" cannot heal, so it is not sent again: {kind.action}')
        return of_kind
    if not request_ids:
        return [letter for letter in letters if letter.can_heal and not is_left_out(letter)]
    selected = [letter for letter in letters if letter.message.request_id in request_ids]
    missing = set(request_ids) - {letter.message.request_id for letter in selected}
    if missing:
        raise CommandError(f"no dead letter has the request ID {printable(min(missing))}; `list` shows all of them")
    final = next((letter for letter in selected if for_redrive and not letter.can_heal), None)
    if final:
        raise CommandError(f'{final.message.request_id} is "{final.kind.code}", which cannot heal: {final.kind.action}')
    return selected


def is_left_out(letter: Letter) -> bool:
    """Whether "all that can heal" leaves out this letter, although it can heal."""
    return letter.kind.can_heal and letter.kind.is_refusal


def resend_to(client: SQSClient, queue_url: str) -> BeforeDelete:
    """Return a function that sends a letter's request to the delete queue. It raises CommandError if SQS rejects it."""

    def resend(letter: Letter) -> None:
        answer = client.send_message_batch(
            QueueUrl=queue_url, Entries=[{**queue_entry(letter.redrive_message()), "Id": "0"}]
        )
        for failed in answer.get("Failed", []):
            raise CommandError(f"the delete queue did not accept {letter.message.request_id} ({failed['Code']})")

    return resend


def move(  # noqa: PLR0913  # the two commands differ in each of these
    client: SQSClient,
    url: str,
    selected: Sequence[Letter],
    before_delete: BeforeDelete,
    *,
    per_second: float,
    console: Console,
    verb: str,
) -> MoveProgress:
    """Call `before_delete` with each selected letter, then delete it: a kill in between loses no letter.

    SIGINT and SIGTERM stop after the current letter. Letters that were not selected are made visible again, also those
    that arrived after the selection.

    Raises:
        CommandError: an AWS call failed; the message says how many letters were moved before.
    """
    pending = {letter.message.message_id for letter in selected}
    done = MoveProgress(len(selected))
    try:
        with signals_deferred() as stop, HiddenLetters(client, url) as letters, Progress(console=console) as progress:
            task = progress.add_task(f"letters {verb}", total=len(selected))
            for letter in letters:
                if stop.is_set():
                    break
                if letter.message.message_id not in pending:
                    continue
                before_delete(letter)
                letters.delete(letter)
                pending.discard(letter.message.message_id)
                done.request_ids.append(letter.message.request_id)
                progress.advance(task)
                if not pending:
                    break
                stop.wait(1 / per_second)
            done.is_interrupted = bool(pending) and stop.is_set()
    except AWS_ERRORS as error:
        raise CommandError(f"an AWS call failed ({code_of(error)}); {_so_far(done, verb)}") from None
    except CommandError as error:
        raise CommandError(f"{error}; {_so_far(done, verb)}") from None
    return done


def _so_far(done: MoveProgress, verb: str) -> str:
    return f"{len(done.request_ids):,} of {done.selected:,} letters were {verb}, the others are still in the queue"
