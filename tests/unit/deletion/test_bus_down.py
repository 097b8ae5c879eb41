"""A bus that does not take results: the message comes back until it does, and nothing is done twice meanwhile."""

import json

import pytest

from tests.unit.deletion.small_world import SmallWorld

GOOD = [f"0b5e4f6a-7c1d-4e2f-9a3b-{number:012}" for number in range(1, 13)]
NEVER = "0b5e4f6a-7c1d-4e2f-9a3b-000000000099"
BAD = ["{", json.dumps({"backup_id": "nope"}), json.dumps({"backup_id": NEVER, "force": True})]


@pytest.fixture
def world() -> SmallWorld:
    world = SmallWorld()
    world.cloud.add(GOOD)
    return world


def send_all(world: SmallWorld) -> None:
    for body in [*({"backup_id": backup_id} for backup_id in GOOD), {"backup_id": NEVER}, *BAD]:
        world.send(body)


def test_while_the_bus_is_down_no_request_ends_and_none_is_lost(world: SmallWorld) -> None:
    world.events.turns_away = lambda _: True
    send_all(world)
    for _ in range(20):
        world.deliver_once()
    assert len(world.waiting) == len(GOOD) + 1 + len(BAD)
    assert world.letters == []


def test_after_an_outage_of_the_bus_every_end_is_heard_once(world: SmallWorld) -> None:
    world.events.turns_away = lambda _: True
    send_all(world)
    for _ in range(20):
        world.deliver_once()
    world.events.turns_away = lambda _: False
    world.deliver()
    outcomes = sorted(end["outcome"] for end in world.events.heard)
    assert outcomes == ["already_gone"] + ["deleted"] * len(GOOD) + ["refused"] * len(BAD)
    assert len({end["id"] for end in world.events.heard}) == len(outcomes)


def test_an_outage_of_the_bus_costs_no_second_delete_and_no_second_dead_letter(world: SmallWorld) -> None:
    world.events.turns_away = lambda _: True
    send_all(world)
    for _ in range(20):
        world.deliver_once()
    world.events.turns_away = lambda _: False
    world.deliver()
    assert world.cloud.deletes == dict.fromkeys(GOOD, 1)
    assert sorted(letter["body"] for letter in world.letters) == sorted(BAD)


def test_an_entry_that_is_turned_away_brings_back_its_message_and_no_other(world: SmallWorld) -> None:
    world.events.turns_away = lambda end: end.get("backup_id") == GOOD[0]
    send_all(world)
    for _ in range(20):
        world.deliver_once()
    (left,) = world.waiting
    assert json.loads(left["body"]) == {"backup_id": GOOD[0]}
    assert len(world.events.heard) == len(GOOD) + len(BAD)
    assert len(world.letters) == len(BAD)


@pytest.mark.parametrize("effects", [0, 1])
def test_a_refusal_killed_on_its_way_is_told_again_under_the_same_id(world: SmallWorld, effects: int) -> None:
    world.send(BAD[1])
    world.deliver_and_kill(after_effects=effects)  # before the event; between event and dead letter
    world.deliver()
    assert len({end["id"] for end in world.events.heard}) == 1
    assert [letter["body"] for letter in world.letters] == [BAD[1]]


def test_a_bus_where_nobody_listens_or_that_is_not_there_still_leaves_dead_letters(world: SmallWorld) -> None:
    """PutEvents to a bus that does not exist answers as if all were well."""
    world.send(BAD[1])
    world.deliver()
    (letter,) = world.letters
    assert letter["messageAttributes"]["reason"]["stringValue"] == "malformed"
