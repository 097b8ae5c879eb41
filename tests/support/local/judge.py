"""Compares the journal of the cloud and the dead letters with the scenario. Reports of the functions are ignored."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.local.scenario import TARGETS, Request, Scenario
from tests.support.local.stack import DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What the simulator recorded."""

    accepted: Sequence[str]
    """The backup ID of every accepted DELETE, in order."""
    remaining: Mapping[str, str]
    """The ID and status of every backup that still exists."""
    accepted_by: Mapping[str, int]
    """The number of accepted DELETEs by service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The counts of a scenario. `lost` and `wrong` are sentences about faults."""

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
        """Whether every request ended as expected and nothing else changed."""
        return not self.lost and not self.wrong


def judge(
    scenario: Scenario,
    message_ids: Mapping[str, Request],
    journal: Journal,
    dead_letters: Collection[DeadLetter],
    waiting: int,
) -> Verdict:
    """Compare the end of a scenario with what the scenario expects.

    `message_ids` maps the message IDs of requests that were sent to the queue; `waiting` counts messages still there.
    """
    letters = [(letter, _request_of(letter, scenario, message_ids)) for letter in dead_letters]
    stored = {backup.id: backup for backup in scenario.stored}
    deleted = set(journal.accepted) - set(journal.remaining)
    wanted = [request for request in scenario.requests if not request.reason]
    ours = journal.remaining.keys() - {backup.id for backup in scenario.stored if backup.is_foreign}
    return Verdict(
        requests=len(scenario.requests),
        asked=len(set(journal.accepted)),
        deleted=len(deleted),
        already_gone=sum(request.backup_id not in ours for request in wanted) - len(deleted),
        refused=dict(Counter(request.reason for _, request in letters if request and request.reason)),
        parked=dict(Counter(letter.reason for letter, request in letters if request and not request.reason)),
        accepted_by=journal.accepted_by,
        lost=[
            *(f"no DELETE was accepted by {name}" for name in TARGETS.values() if not journal.accepted_by.get(name)),
            *(
                f"backup {backup_id} is still there"
                for backup_id in sorted(scenario.to_delete & set(journal.remaining))
            ),
            *(f"no dead letter for {request.body[:120]}" for request in _without_dead_letter(scenario, letters)),
            *([f"{waiting} messages still wait in the queue"] if waiting else []),
        ],
        wrong=[
            *(f"DELETE for {i}, which must not be deleted" for i in journal.accepted if i not in scenario.to_delete),
            *(f"backup {i} is gone" for i in stored if i not in scenario.to_delete | set(journal.remaining)),
            *(f"backup {i} changed to {journal.remaining[i]}" for i in _changed(scenario, journal)),
            *(_describe(letter, request) for letter, request in letters if not _is_right(letter, request)),
        ],
    )


def _request_of(letter: DeadLetter, scenario: Scenario, message_ids: Mapping[str, Request]) -> Request | None:
    """Return the request of a dead letter, by its message ID or, if it came by the bus, by its backup ID."""
    if letter.request_id in message_ids:
        return message_ids[letter.request_id]
    detail = _detail(letter.body)
    return next((r for r in scenario.requests if r.by_bus and detail and json.loads(r.body) == detail), None)


def _detail(body: str) -> Any:  # noqa: ANN401  # any JSON
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return envelope.get("detail") if isinstance(envelope, dict) else None


def _without_dead_letter(scenario: Scenario, letters: Sequence[tuple[DeadLetter, Request | None]]) -> list[Request]:
    heard = Counter(id(request) for _, request in letters if request)
    return [request for request in scenario.requests if request.reason and not heard[id(request)]]


def _changed(scenario: Scenario, journal: Journal) -> list[str]:
    return [
        backup.id
        for backup in scenario.stored
        if backup.id not in scenario.to_delete and journal.remaining.get(backup.id, backup.status) != backup.status
    ]


def _is_right(letter: DeadLetter, request: Request | None) -> bool:
    return request is not None and letter.reason == request.reason


def _describe(letter: DeadLetter, request: Request | None) -> str:
    if request is None:
        return f"a dead letter of no known request: {letter.body[:120]}"
    wanted = f"refused as {request.reason}" if request.reason else "deleted"
    found = f"{letter.reason}: {letter.attributes.get('message')}"
    return f"{request.body[:120]} should have ended as {wanted}, but is a dead letter ({found})"
