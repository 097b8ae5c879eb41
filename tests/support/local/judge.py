"""The verdict on a story: what the cloud's own journal and the dead letters say, never what the functions say."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.local.scenario import TARGETS, Request, Story
from tests.support.local.stack import DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What the cloud itself knows at the end."""

    accepted: Sequence[str]
    """The backup of every DELETE it accepted, in order."""
    remaining: Mapping[str, str]
    """Status by id of every backup that is still there."""
    accepted_by: Mapping[str, int]
    """How many DELETEs each service accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The counts of a whole story; `lost` and `wrong` say what in plain words."""

    requests: int
    asked: int
    deleted: int
    already_gone: int
    refused: Mapping[str, int]
    parked: Mapping[str, int]
    accepted_by: Mapping[str, int]
    lost: Sequence[str] = field(default_factory=list)
    wrong: Sequence[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether every request ended as it should and nothing else happened."""
        return not self.lost and not self.wrong


def judge(
    story: Story,
    message_ids: Mapping[str, Request],
    journal: Journal,
    dead_letters: Collection[DeadLetter],
    waiting: int,
) -> Verdict:
    """Hold the end of a story against the story.

    `message_ids` are those of the requests that went in by the queue; `waiting` is what the queue still holds.
    """
    letters = [(letter, _request_of(letter, story, message_ids)) for letter in dead_letters]
    stored = {backup.id: backup for backup in story.stored}
    deleted = set(journal.accepted) - set(journal.remaining)
    wanted = [request for request in story.requests if not request.reason]
    ours = journal.remaining.keys() - {backup.id for backup in story.stored if backup.is_foreign}
    return Verdict(
        requests=len(story.requests),
        asked=len(set(journal.accepted)),
        deleted=len(deleted),
        already_gone=sum(request.backup_id not in ours for request in wanted) - len(deleted),
        refused=dict(Counter(request.reason for _, request in letters if request and request.reason)),
        parked=dict(Counter(letter.reason for letter, request in letters if request and not request.reason)),
        accepted_by=journal.accepted_by,
        lost=[
            *(f"no DELETE was accepted by {name}" for name in TARGETS.values() if not journal.accepted_by.get(name)),
            *(f"backup {backup_id} is still there" for backup_id in sorted(story.doomed & set(journal.remaining))),
            *(f"no dead letter for {request.body[:120]}" for request in _unheard(story, letters)),
            *([f"{waiting} messages still wait in the queue"] if waiting else []),
        ],
        wrong=[
            *(f"DELETE for {i}, which nobody may delete" for i in journal.accepted if i not in story.doomed),
            *(f"backup {i} is gone" for i in stored if i not in story.doomed | set(journal.remaining)),
            *(f"backup {i} changed to {journal.remaining[i]}" for i in _changed(story, journal)),
            *(_complaint(letter, request) for letter, request in letters if not _is_right(letter, request)),
        ],
    )


def _request_of(letter: DeadLetter, story: Story, message_ids: Mapping[str, Request]) -> Request | None:
    """The request a dead letter was: by its identity, or, where the bus made the message, by the backup it names."""
    if letter.request_id in message_ids:
        return message_ids[letter.request_id]
    detail = _detail(letter.body)
    return next((r for r in story.requests if r.by_bus and detail and json.loads(r.body) == detail), None)


def _detail(body: str) -> Any:  # noqa: ANN401  # whatever the envelope holds
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return envelope.get("detail") if isinstance(envelope, dict) else None


def _unheard(story: Story, letters: Sequence[tuple[DeadLetter, Request | None]]) -> list[Request]:
    heard = Counter(id(request) for _, request in letters if request)
    return [request for request in story.requests if request.reason and not heard[id(request)]]


def _changed(story: Story, journal: Journal) -> list[str]:
    return [
        backup.id
        for backup in story.stored
        if backup.id not in story.doomed and journal.remaining.get(backup.id, backup.status) != backup.status
    ]


def _is_right(letter: DeadLetter, request: Request | None) -> bool:
    return request is not None and letter.reason == request.reason


def _complaint(letter: DeadLetter, request: Request | None) -> str:
    if request is None:
        return f"a dead letter that nobody sent: {letter.body[:120]}"
    wanted = f"refused as {request.reason}" if request.reason else "deleted"
    return (
        f"{request.body[:120]} should have been {wanted}, rests as {letter.reason}: {letter.attributes.get('message')}"
    )
