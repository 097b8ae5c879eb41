"""The judge must be hard to please: each way to lose a request or to do harm is seen and named."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.support.local.judge import Journal, Verdict, judge
from tests.support.local.scenario import Request, Story, tell
from tests.support.local.stack import DeadLetter

STORY = tell(seed=1)
IDS: Mapping[str, Request] = {f"message-{n}": request for n, request in enumerate(STORY.requests)}
JOURNAL = Journal(
    accepted=sorted(STORY.doomed),
    remaining={backup.id: backup.status for backup in STORY.stored if backup.id not in STORY.doomed},
    accepted_by={"vbs": 40, "cinder": 45, "cbr": 45},
)
LETTERS = [
    DeadLetter(body=request.body, attributes={"reason": request.reason, "request_id": message_id})
    for message_id, request in IDS.items()
    if request.reason
]
SPARED = next(backup.id for backup in STORY.stored if backup.id not in STORY.doomed)
DOOMED = min(STORY.doomed)


def verdict(journal: Journal = JOURNAL, letters: list[DeadLetter] = LETTERS, waiting: int = 0) -> Verdict:
    return judge(STORY, IDS, journal, letters, waiting)


def test_a_story_that_ended_as_it_should_has_nothing_lost_and_nothing_wrong() -> None:
    found = verdict()
    assert found.is_good
    assert found.asked == found.deleted == len(STORY.doomed)
    assert found.deleted + found.already_gone + sum(found.refused.values()) == found.requests == len(STORY.requests)


def test_a_backup_that_is_still_there_is_lost() -> None:
    found = verdict(replace(JOURNAL, remaining={**JOURNAL.remaining, DOOMED: "available"}))
    assert found.lost == [f"backup {DOOMED} is still there"]


def test_a_service_that_deleted_nothing_is_told() -> None:
    found = verdict(replace(JOURNAL, accepted_by={"vbs": 65, "cinder": 65}))
    assert found.lost == ["no DELETE was accepted by cbr"]


def test_a_message_that_still_waits_is_lost() -> None:
    assert verdict(waiting=2).lost == ["2 messages still wait in the queue"]


@pytest.mark.parametrize("reason", sorted({letter.reason for letter in LETTERS}))
def test_a_refusal_without_its_dead_letter_is_lost(reason: str) -> None:
    missing = next(letter for letter in LETTERS if letter.reason == reason)
    (lost,) = verdict(letters=[letter for letter in LETTERS if letter is not missing]).lost
    assert missing.body[:60] in lost


def test_a_delete_for_a_backup_that_nobody_may_delete_is_wrong_even_where_it_stays() -> None:
    found = verdict(replace(JOURNAL, accepted=[*JOURNAL.accepted, SPARED]))
    assert found.wrong == [f"DELETE for {SPARED}, which nobody may delete"]


def test_a_spared_backup_that_is_gone_is_wrong() -> None:
    remaining = {backup_id: status for backup_id, status in JOURNAL.remaining.items() if backup_id != SPARED}
    assert verdict(replace(JOURNAL, remaining=remaining)).wrong == [f"backup {SPARED} is gone"]


def test_a_spared_backup_that_changed_is_wrong() -> None:
    found = verdict(replace(JOURNAL, remaining={**JOURNAL.remaining, SPARED: "deleting"}))
    assert found.wrong == [f"backup {SPARED} changed to deleting"]


def test_a_refusal_for_another_reason_is_wrong() -> None:
    changed = DeadLetter(body=LETTERS[0].body, attributes={**LETTERS[0].attributes, "reason": "bad_request"})
    (wrong,) = verdict(letters=[changed, *LETTERS[1:]]).wrong
    assert "rests as bad_request" in wrong


def test_a_good_request_in_the_dead_letters_is_parked_and_wrong() -> None:
    good = next(message_id for message_id, request in IDS.items() if not request.reason)
    letter = DeadLetter(body=IDS[good].body, attributes={"reason": "service_down", "request_id": good})
    found = verdict(letters=[*LETTERS, letter])
    assert found.parked == {"service_down": 1}
    assert not found.is_good


def test_a_dead_letter_that_nobody_sent_is_wrong() -> None:
    (wrong,) = verdict(letters=[*LETTERS, DeadLetter(body="{}", attributes={"request_id": "x"})]).wrong
    assert "nobody sent" in wrong


def test_a_dead_letter_of_the_bus_is_known_by_what_it_carries() -> None:
    by_queue = {message_id: request for message_id, request in IDS.items() if not request.by_bus}
    letters = [
        replace(letter, body=f'{{"detail-type": "x", "detail": {letter.body}}}')
        if IDS[letter.request_id].by_bus
        else letter
        for letter in LETTERS
    ]
    assert judge(STORY, by_queue, JOURNAL, letters, 0).is_good


def test_a_seed_always_tells_the_same_story_and_another_seed_another() -> None:
    story: Story = tell(seed=1)
    assert story == STORY
    assert story != tell(seed=2)
