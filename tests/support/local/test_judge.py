"""The judge of `make run` reports every lost request and every wrong deletion."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.support.local.hold_act import StopVerdict
from tests.support.local.judge import Journal, Verdict, judge
from tests.support.local.scenario import Request, Scenario, make_scenario
from tests.support.local.stack import DeadLetter

SCENARIO = make_scenario(seed=1)
IDS: Mapping[str, Request] = {f"message-{n}": request for n, request in enumerate(SCENARIO.requests)}
JOURNAL = Journal(
    accepted=sorted(SCENARIO.to_delete),
    remaining={backup.id: backup.status for backup in SCENARIO.stored if backup.id not in SCENARIO.to_delete},
    accepted_by={"vbs": 40, "cinder": 45, "cbr": 45},
)
LETTERS = [
    DeadLetter(body=request.body, attributes={"reason": request.reason, "request_id": message_id})
    for message_id, request in IDS.items()
    if request.reason
]
SPARED = next(backup.id for backup in SCENARIO.stored if backup.id not in SCENARIO.to_delete)
TO_DELETE = min(SCENARIO.to_delete)
OTHER_REASON = replace(LETTERS[0], attributes={**LETTERS[0].attributes, "reason": "bad_request"})


def verdict(journal: Journal = JOURNAL, letters: list[DeadLetter] = LETTERS, waiting: int = 0) -> Verdict:
    return judge(SCENARIO, IDS, journal, letters, waiting)


def test_an_expected_end_has_nothing_lost_and_nothing_wrong() -> None:
    found = verdict()
    assert found.is_good
    assert found.asked == found.deleted == len(SCENARIO.to_delete)
    assert found.deleted + found.already_gone + sum(found.refused.values()) == found.requests == len(SCENARIO.requests)


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"remaining": {**JOURNAL.remaining, TO_DELETE: "available"}}, f"backup {TO_DELETE} is still there"),
        ({"accepted_by": {"vbs": 65, "cinder": 65}}, "no DELETE was accepted by cbr"),
    ],
)
def test_a_missing_deletion_is_lost(changes: dict[str, Any], lost: str) -> None:
    assert verdict(replace(JOURNAL, **changes)).lost == [lost]


def test_a_message_that_still_waits_is_lost() -> None:
    assert verdict(waiting=2).lost == ["2 messages still wait in the queue"]


@pytest.mark.parametrize("reason", sorted({letter.reason for letter in LETTERS}))
def test_a_refusal_without_a_dead_letter_is_lost(reason: str) -> None:
    missing = next(letter for letter in LETTERS if letter.reason == reason)
    (lost,) = verdict(letters=[letter for letter in LETTERS if letter is not missing]).lost
    assert missing.body[:60] in lost


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"accepted": [*JOURNAL.accepted, SPARED]}, f"DELETE for {SPARED}, which must not be deleted"),
        ({"remaining": {i: s for i, s in JOURNAL.remaining.items() if i != SPARED}}, f"backup {SPARED} is gone"),
        ({"remaining": {**JOURNAL.remaining, SPARED: "deleting"}}, f"backup {SPARED} changed to deleting"),
    ],
)
def test_a_wrong_deletion_or_change_is_wrong(changes: dict[str, Any], wrong: str) -> None:
    assert verdict(replace(JOURNAL, **changes)).wrong == [wrong]


@pytest.mark.parametrize(
    ("letters", "wrong"),
    [
        ([OTHER_REASON, *LETTERS[1:]], "is a dead letter (bad_request"),
        ([*LETTERS, DeadLetter(body="{}", attributes={"request_id": "x"})], "no known request"),
    ],
)
def test_a_dead_letter_with_another_reason_or_of_no_request_is_wrong(letters: list[DeadLetter], wrong: str) -> None:
    (found,) = verdict(letters=letters).wrong
    assert wrong in found


def test_a_good_request_in_the_dead_letters_is_parked_and_wrong() -> None:
    good = next(message_id for message_id, request in IDS.items() if not request.reason)
    letter = DeadLetter(body=IDS[good].body, attributes={"reason": "service_down", "request_id": good})
    found = verdict(letters=[*LETTERS, letter])
    assert found.parked == {"service_down": 1}
    assert not found.is_good


def test_a_dead_letter_of_the_bus_is_recognized_by_its_backup_id() -> None:
    by_queue = {message_id: request for message_id, request in IDS.items() if not request.by_bus}
    letters = [
        replace(letter, body=f'{{"detail-type": "x", "detail": {letter.body}}}')
        if IDS[letter.request_id].by_bus
        else letter
        for letter in LETTERS
    ]
    assert judge(SCENARIO, by_queue, JOURNAL, letters, 0).is_good


def test_a_seed_always_makes_the_same_scenario_and_another_seed_makes_another() -> None:
    scenario: Scenario = make_scenario(seed=1)
    assert scenario == SCENARIO
    assert scenario != make_scenario(seed=2)


@pytest.mark.parametrize(
    ("requested", "stopped", "gone", "is_good"),
    [(5, 5, [], True), (5, 4, [], False), (0, 0, [], False), (5, 5, [TO_DELETE], False)],
)
def test_a_stop_is_good_if_all_requests_were_stopped(
    requested: int, stopped: int, gone: list[str], is_good: bool
) -> None:
    assert StopVerdict(requested=requested, stopped=stopped, gone=gone).is_good is is_good
