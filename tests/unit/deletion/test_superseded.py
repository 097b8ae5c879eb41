"""If a request of a purge does not hold any more, the next plan decides: there is no dead letter."""

from typing import Any

import pytest

from tests.unit.deletion.world import OLD, ONE, World, ask

PURGE_RUN = "nightly/2026-11-25T03-00-00Z"
OF_PURGE = {"purge_run": PURGE_RUN}
ENDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "held": ({"description": "[hold]"}, {}),
    "expectation_failed": ({}, {"expect": {"name": "another"}}),
    "expired": ({}, {"expires_at": "2020-01-01T00:00:00Z"}),
}


def world_with(**fields: Any) -> World:  # noqa: ANN401  # fields of a record
    world = World()
    world.cloud.has(ONE, **fields)
    return world


@pytest.mark.parametrize("reason", ENDS)
def test_request_of_a_purge_that_does_not_hold_any_more_is_an_event_without_a_dead_letter(reason: str) -> None:
    fields, conditions = ENDS[reason]
    world = world_with(**fields)
    assert world.process(ask(ONE, **conditions), attributes=OF_PURGE) == f"superseded {reason}"
    assert (world.ends, world.letters) == ([f"superseded {reason}"], [])


@pytest.mark.parametrize("reason", ENDS)
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"attributes": OF_PURGE, "sender": "AIDASTRANGER"},
        {"attributes": OF_PURGE | {"reason": "service_down", "message": "it was parked"}},
        {"attributes": {"purge_run": "no run"}},
    ],
    ids=["of another producer", "claimed by a stranger", "sent again by a person", "not the name of a run"],
)
def test_any_other_request_is_refused_with_a_dead_letter(reason: str, how: dict[str, Any]) -> None:
    fields, conditions = ENDS[reason]
    world = world_with(**fields)
    assert world.process(ask(ONE, requested_by=PURGE_RUN, **conditions), **how) == f"refused {reason}"
    assert (world.ends, world.letters) == ([f"refused {reason}"], [reason])


def test_refusals_that_the_next_plan_would_repeat_are_dead_letters() -> None:
    world = world_with(status="error_deleting")
    assert world.process(ask(ONE), attributes=OF_PURGE) == "refused deletion_failed"
    assert world.letters == ["deletion_failed"]


def test_the_run_is_carried_on_with_the_request() -> None:
    world = world_with()
    world.process(ask(ONE), attributes=OF_PURGE)
    assert world.queue.sent[0].attributes["purge_run"] == PURGE_RUN


def test_parked_request_of_a_purge_is_a_dead_letter() -> None:
    world = world_with(status="restoring")
    assert world.process(ask(ONE), attributes=OF_PURGE, age=OLD) == "parked busy"
    assert world.letters == ["busy"]


def test_without_an_event_past_twelve_days_the_dead_letter_replaces_it() -> None:
    world = world_with(description="[hold]")
    world.trouble.refuses = frozenset({("publish", 0)})
    world.process(ask(ONE), attributes=OF_PURGE, age=OLD)
    assert world.letters == ["unheard"]
