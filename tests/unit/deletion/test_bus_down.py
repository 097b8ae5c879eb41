"""A bus that does not accept results: the message returns until it does, and nothing is done twice meanwhile."""

import json
from collections import Counter

import pytest

from tests.unit.deletion.queue_world import QueueWorld
from tests.unit.deletion.world import ask, backup_id
from vbs_reaper.deletion.message import NewMessage

GOOD = [backup_id(number) for number in range(1, 13)]
BAD = ["{", json.dumps(ask("nope")), json.dumps(ask(backup_id(99), force=True))]


@pytest.fixture
def world() -> QueueWorld:
    world = QueueWorld(*GOOD)
    for each in (*GOOD, backup_id(98)):
        world.request(each)
    for body in BAD:
        world.put(NewMessage(body=body))
    return world


def test_an_outage_of_the_bus_loses_no_end_and_costs_no_second_delete_and_no_second_dead_letter(
    world: QueueWorld,
) -> None:
    world.bus.turns_away = lambda _: True
    world.run(7200.0)
    assert world.waiting == len(GOOD) + 1 + len(BAD)
    assert world.letters == []
    world.bus.turns_away = lambda _: False
    world.run()
    assert Counter(result.outcome for result in world.bus.results) == {
        "deleted": len(GOOD),
        "already_gone": 1,
        "refused": len(BAD),
    }
    assert len({result.id for result in world.bus.results}) == len(world.ends)
    assert Counter(world.called("delete")) == dict.fromkeys(GOOD, 1)
    assert sorted(letter.body for letter in world.queue.letters) == sorted(BAD)


def test_a_result_that_is_turned_away_keeps_its_message_and_no_other(world: QueueWorld) -> None:
    world.bus.turns_away = lambda result: result.backup_id == GOOD[0]
    world.run(7200.0)
    (left,) = world.heap
    assert json.loads(left.new.body) == ask(GOOD[0])
    assert len(world.ends) == len(GOOD) + len(BAD)
    assert len(world.letters) == len(BAD)


@pytest.mark.parametrize("effects", [0, 1])
def test_a_refusal_that_is_killed_before_its_event_or_its_dead_letter_is_published_again_under_the_same_id(
    effects: int,
) -> None:
    world = QueueWorld()
    world.put(NewMessage(body=BAD[1]))
    world.deliver_batch(effects)
    world.run()
    assert len({result.id for result in world.bus.results}) == 1
    assert [letter.body for letter in world.queue.letters] == [BAD[1]]
