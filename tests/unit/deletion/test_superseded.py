"""If a request of a purge does not hold any more, the next plan decides: there is no dead letter."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.deletion.world import World, backup_id
from vbs_reaper.deletion.decision import Refused, Superseded

ONE = backup_id(1)
PURGE_RUN = "nightly/2026-11-25T03-00-00Z"
OF_PURGE = {"purge_run": PURGE_RUN}

ENDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "held": ({"description": "[hold]"}, {}),
    "expectation_failed": ({}, {"expect": {"name": "another"}}),
    "expired": ({}, {"expires_at": "2020-01-01T00:00:00Z"}),
}


def world_with(fields: dict[str, Any]) -> World:
    world = World()
    world.cloud.has(ONE, **fields)
    return world


@pytest.mark.parametrize("reason", ENDS)
def test_request_of_a_purge_that_does_not_hold_any_more_is_an_event_without_a_dead_letter(reason: str) -> None:
    fields, conditions = ENDS[reason]
    world = world_with(fields)
    assert world.deliver(world.message({"backup_id": ONE} | conditions, attributes=OF_PURGE)) == []
    (result,) = world.bus.results
    assert (result.outcome, result.reason) == ("superseded", reason)
    assert world.queue.letters == []
    assert isinstance(world.report.last("m-1"), Superseded)


@pytest.mark.parametrize("reason", ENDS)
@pytest.mark.parametrize(
    ("attributes", "sender"),
    [
        ({}, None),
        (OF_PURGE, "AIDASTRANGER"),
        (OF_PURGE | {"reason": "service_down", "message": "it was parked"}, None),
        ({"purge_run": "no run"}, None),
    ],
    ids=["of another producer", "claimed by a stranger", "sent again by a person", "not the name of a run"],
)
def test_any_other_request_is_refused_with_a_dead_letter(
    reason: str, attributes: dict[str, str], sender: str | None
) -> None:
    fields, conditions = ENDS[reason]
    world = world_with(fields)
    how: dict[str, Any] = {"attributes": attributes} | ({"sender": sender} if sender else {})
    world.deliver(world.message({"backup_id": ONE, "requested_by": PURGE_RUN} | conditions, **how))
    assert [result.outcome for result in world.bus.results] == ["refused"]
    assert [letter.attributes["reason"] for letter in world.queue.letters] == [reason]


def test_refusals_that_the_next_plan_would_repeat_are_dead_letters() -> None:
    world = world_with({"status": "error_deleting"})
    world.deliver(world.message({"backup_id": ONE}, attributes=OF_PURGE))
    assert isinstance(world.report.last("m-1"), Refused)
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["deletion_failed"]


def test_the_run_is_carried_on_with_the_request() -> None:
    world = world_with({})
    world.deliver(world.message({"backup_id": ONE}, attributes=OF_PURGE))
    (asked,) = world.queue.sent
    assert asked.attributes["purge_run"] == PURGE_RUN


def test_parked_request_of_a_purge_is_a_dead_letter() -> None:
    world = world_with({"status": "restoring"})
    long_ago = world.clock() - timedelta(days=12, hours=1)
    world.deliver(world.message({"backup_id": ONE}, attributes=OF_PURGE, sent_at=long_ago))
    assert [result.outcome for result in world.bus.results] == ["parked"]
    assert len(world.queue.letters) == 1


def test_without_an_event_past_twelve_days_the_dead_letter_replaces_it() -> None:
    world = world_with({"description": "[hold]"})
    world.trouble.refuses = frozenset({("publish", 0)})
    long_ago = world.clock() - timedelta(days=12, hours=1)
    world.deliver(world.message({"backup_id": ONE}, attributes=OF_PURGE, sent_at=long_ago))
    assert [letter.attributes["reason"] for letter in world.queue.letters] == ["unheard"]
