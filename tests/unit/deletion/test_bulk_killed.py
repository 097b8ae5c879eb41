"""A bulk that is killed half-way and delivered again: every part ends, and under the same IDs."""

import heapq
import json
import os
from collections import Counter
from collections.abc import Iterable
from copy import copy
from uuid import UUID

import pytest

from tests.unit.deletion.queue_world import QueueWorld
from vbs_reaper.deletion.message import NewMessage
from vbs_reaper.deletion.result import result_id

SIZE = int(os.environ.get("BULK_SIZE", "100"))
"""How many backups the bulk names. `make nightly` sets BULK_SIZE to 1,000, the most there may be."""
BAD = {7: "not-an-id", 40: None}
ELEMENTS = [BAD.get(number, str(UUID(int=number + 1))) for number in range(SIZE)]
IDS = [str(element) for number, element in enumerate(ELEMENTS) if number not in BAD]
ALL_ENDS = {result_id(f"0/{part}", 0) for part in (*IDS, *BAD)}
"""The IDs of the ends of all parts. The bulk is message 0."""


@pytest.fixture
def world() -> QueueWorld:
    return bulk_in_a_queue()


def bulk_in_a_queue() -> QueueWorld:
    world = QueueWorld(*IDS)
    world.put(NewMessage(body=json.dumps({"backup_ids": ELEMENTS})))
    return world


def check_ends(world: QueueWorld) -> None:
    world.run()
    assert {result.id for result in world.bus.results} == ALL_ENDS
    assert world.cloud.backups == {}
    assert Counter(world.called("delete")) == dict.fromkeys(IDS, 1)
    assert {json.loads(letter.body)["backup_id"] for letter in world.queue.letters} == {*BAD.values()}


def kill_and_finish(points: Iterable[int]) -> None:
    """Kill after so many parts are stored. SQS stores one by one, so there are no points between."""
    whole = bulk_in_a_queue()
    whole.deliver_batch()
    parts = [stored.new for stored in sorted(whole.heap)]
    assert len(parts) == SIZE
    for point in points:
        world = bulk_in_a_queue()
        world.deliver_batch(effects=point)
        assert [stored.new for stored in sorted(world.heap) if stored.number] == parts[:point]
        assert (0 in {stored.number for stored in world.heap}) is (point < SIZE), "the bulk is kept"
        check_ends(world)


def test_a_bulk_killed_half_way_has_the_same_ends() -> None:
    kill_and_finish([0, 9, 10, SIZE // 2, SIZE - 1, SIZE])


@pytest.mark.nightly
@pytest.mark.parametrize("start", range(0, SIZE + 1, 50))
def test_a_bulk_killed_at_any_point_has_the_same_ends(start: int) -> None:
    kill_and_finish(range(start, min(start + 50, SIZE + 1)))


def test_a_bulk_killed_again_and_again_still_ends(world: QueueWorld) -> None:
    world.visibility_s = 0.0  # so the bulk comes first each time
    for point in range(SIZE // 10, SIZE * 9 // 10, SIZE // 5):
        world.deliver_batch(effects=point)
    check_ends(world)


def test_the_bulk_has_no_end_of_its_own(world: QueueWorld) -> None:
    check_ends(world)
    assert len(world.ends) == SIZE


def test_a_bulk_with_a_lost_acknowledgement_has_the_same_ends(world: QueueWorld) -> None:
    bulk = copy(world.heap[0])
    world.deliver_batch()
    heapq.heappush(world.heap, bulk)
    check_ends(world)
