"""A bulk that is killed half-way and delivered again: every part ends, and under the same ids."""

import json
import os
from collections.abc import Iterable
from uuid import UUID

import pytest

from tests.unit.deletion.small_world import SmallWorld
from vbs_reaper.deletion.result import result_id

SIZE = int(os.environ.get("BULK_SIZE", "100"))
"""How many backups the bulk names: ten calls of SQS. `make nightly` sets BULK_SIZE to 1,000, the most there may be."""
BAD = {7: "not-an-id", 40: None}
ELEMENTS = [BAD.get(number, str(UUID(int=number + 1))) for number in range(SIZE)]
IDS = [str(element) for number, element in enumerate(ELEMENTS) if number not in BAD]
SOME_POINTS = (0, 9, 10, SIZE // 2, SIZE - 1, SIZE)
"""After so many messages stored; SQS stores entry by entry, so there are no points between."""


def bulk_in_a_queue() -> tuple[SmallWorld, str]:
    world = SmallWorld()
    world.cloud.add(IDS)
    return world, world.send({"backup_ids": ELEMENTS})


def ends_of(parent: str) -> set[str]:
    """The IDs of all ends."""
    parts = [*IDS, *map(str, BAD)]
    return {result_id(f"{parent}/{part}", 0) for part in parts}


def kill_and_finish(points: Iterable[int]) -> None:
    for point in points:
        world, parent = bulk_in_a_queue()
        world.deliver_and_kill(after_effects=point)
        world.deliver()
        assert {end["id"] for end in world.events.heard} == ends_of(parent), point
        assert not world.cloud.remaining, point
        assert {*world.cloud.deletes.values()} == {1}, point
        letters = [json.loads(letter["body"])["backup_id"] for letter in world.letters]
        assert {*letters} == {*BAD.values()}, point


def test_a_bulk_killed_half_way_ends_in_as_many_ends_with_the_same_ids() -> None:
    kill_and_finish(SOME_POINTS)


@pytest.mark.nightly
@pytest.mark.parametrize("start", range(0, SIZE + 1, 50))
def test_a_bulk_killed_at_any_point_ends_in_as_many_ends_with_the_same_ids(start: int) -> None:
    kill_and_finish(range(start, min(start + 50, SIZE + 1)))


def kill_in_calls(points: Iterable[int]) -> None:
    world, _ = bulk_in_a_queue()
    world.deliver_once()
    whole = [(part["body"], part["messageAttributes"]) for part in world.waiting]
    assert len(whole) == SIZE
    for point in points:
        world, parent = bulk_in_a_queue()
        world.deliver_and_kill(after_effects=point)
        (*parts, bulk) = world.waiting
        assert [(part["body"], part["messageAttributes"]) for part in parts] == whole[:point]
        assert bulk["messageId"] == parent


def test_a_bulk_killed_before_a_call_has_stored_only_the_parts_of_the_calls_before() -> None:
    kill_in_calls(range(0, SIZE, max(10, SIZE // 20)))


@pytest.mark.nightly
def test_a_bulk_killed_before_any_call_has_stored_only_the_parts_of_the_calls_before() -> None:
    kill_in_calls(range(0, SIZE, 10))


def test_a_bulk_killed_again_and_again_still_ends() -> None:
    world, parent = bulk_in_a_queue()
    for point in range(SIZE // 10, SIZE * 9 // 10, SIZE // 5):
        world.deliver_and_kill(after_effects=point)
        world.waiting.sort(key=lambda record: record["messageId"] != parent)  # the bulk comes first
    world.deliver()
    assert {end["id"] for end in world.events.heard} == ends_of(parent)
    assert {*world.cloud.deletes.values()} == {1}


def test_the_parent_has_no_end_of_its_own() -> None:
    world, parent = bulk_in_a_queue()
    world.deliver()
    assert parent not in {end["request_id"] for end in world.events.heard}
    assert len(world.events.heard) == SIZE


def test_a_bulk_whose_acknowledgement_is_lost_ends_no_other_way() -> None:
    world, parent = bulk_in_a_queue()
    bulk = world.waiting[0]
    world.deliver_once()
    world.waiting.append(bulk)
    world.deliver()
    assert {end["id"] for end in world.events.heard} == ends_of(parent)
    assert {*world.cloud.deletes.values()} == {1}
