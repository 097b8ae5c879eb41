"""Moving the chosen letters, one after the other, each wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING

from rich.progress import Progress

from vbs_reaper.aws.failure import AWS_ERRORS
from vbs_reaper.aws.failure import code_of
from vbs_reaper.aws.queue_message import queue_entry
from vbs_reaper.console.dead_letters.letter import Letter
from vbs_reaper.console.dead_letters.queue import Borrowed
from vbs_reaper.console.dead_letters.queue import held_off
from vbs_reaper.console.refusal import Refused
from vbs_reaper.openstack.fault import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from rich.console import Console

    from vbs_reaper.console.dead_letters.letter import Kind

BeforeMoving = Callable[[Letter], None]
"""What is done with a letter before it is taken out."""


@dataclass(slots=True)
class Moved:
    """How far it came: the request ids of what was moved, in order."""

    chosen: int
    request_ids: list[str] = field(default_factory=list)
    is_interrupted: bool = False


def choose(
    letters: Sequence[Letter], kind: Kind | None, request_ids: Sequence[str] | None, *, to_send: bool
) -> list[Letter]:
    """Pick by kind, by request ids, or (with neither) all that can heal.

    Raises:
        Refused: an id that is not there, or `to_send` what cannot heal.
    """
    if kind is not None:
        if to_send and not kind.can_heal:
            raise Refused(f'"{kind.code}" cannot heal, so it is not sent again: {kind.action}')
        return [each for each in letters if each.kind == kind]
    if not request_ids:
        return [each for each in letters if each.kind.can_heal]
    chosen = [each for each in letters if each.message.request_id in request_ids]
    missing = set(request_ids) - {each.message.request_id for each in chosen}
    if missing:
        raise Refused(f"no dead letter has the request id {printable(min(missing))}; `list` shows them")
    final = next((each for each in chosen if to_send and not each.kind.can_heal), None)
    if final:
        raise Refused(f'{final.message.request_id} is "{final.kind.code}", which cannot heal: {final.kind.action}')
    return chosen


def send_again(client: SQSClient, queue_url: str) -> BeforeMoving:
    """Put a letter's request on the delete queue."""

    def send(letter: Letter) -> None:
        answer = client.send_message_batch(
            QueueUrl=queue_url, Entries=[{**queue_entry(letter.sent_again()), "Id": "0"}]
        )
        for failed in answer.get("Failed", []):
            raise Refused(f"the delete queue did not take {letter.message.request_id} ({failed['Code']})")

    return send


def move(  # noqa: PLR0913  # each is another thing that differs between the two commands
    client: SQSClient,
    url: str,
    chosen: Sequence[Letter],
    before: BeforeMoving,
    *,
    per_second: float,
    console: Console,
    verb: str,
) -> Moved:
    """Take each chosen letter out, `before` having been done with it first: a kill in between loses none.

    Ctrl-C finishes the letter in hand. What was not chosen is shown again, also where it came meanwhile.

    Raises:
        Refused: AWS fails; the sentence says how many were moved until then.
    """
    wanted, moved = {each.message.message_id for each in chosen}, Moved(len(chosen))
    try:
        with held_off() as stop, Borrowed(client, url) as letters, Progress(console=console) as progress:
            task = progress.add_task(f"letters {verb}", total=len(chosen))
            for letter in letters:
                if stop.is_set():
                    break
                if letter.message.message_id not in wanted:
                    continue
                before(letter)
                letters.take_out(letter)
                wanted.discard(letter.message.message_id)
                moved.request_ids.append(letter.message.request_id)
                progress.advance(task)
                if not wanted:
                    break
                stop.wait(1 / per_second)
            moved.is_interrupted = bool(wanted) and stop.is_set()
    except AWS_ERRORS as error:
        raise Refused(f"AWS fails ({code_of(error)}); {_so_far(moved, verb)}") from None
    except Refused as refused:
        raise Refused(f"{refused}; {_so_far(moved, verb)}") from None
    return moved


def _so_far(moved: Moved, verb: str) -> str:
    return f"{len(moved.request_ids):,} of {moved.chosen:,} letters were {verb}, the others rest where they were"
