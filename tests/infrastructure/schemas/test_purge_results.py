"""Every end of a purge run matches the schema of its event."""

import inspect
import re
from datetime import timedelta

from hypothesis import given

from tests.infrastructure.schemas.messages import PURGE_REFUSALS
from tests.infrastructure.schemas.validator import event_validation_errors
from tests.unit.purge.purge_world import World
from tests.unit.purge.strategies import NOW, Record, nightly, records
from vbs_reaper.purge import (
    approval,
    event,
    inventory,
    listing,
    memory,
    plan,
    planned_backup,
    planning,
    stored_holds,
    superseded,
)
from vbs_reaper.purge.run_result import PURGE_DETAIL_TYPES


def assert_as_described(world: World) -> None:
    assert world.bus.published
    for detail_type, detail in world.bus.published:
        assert event_validation_errors(detail_type, detail) == []


@given(records())
def test_events_of_any_run_match_their_schemas(rows: list[Record]) -> None:
    world = World(rows)
    world.run(grace="1d")
    assert_as_described(world)


def test_refusals_approvals_and_skipped_graces_match_their_schemas() -> None:
    world = World(nightly(9))
    refused = world.run(guards={"max_deletions": 1}, grace="1h")
    world.handle({})
    world.approve("a" * 64)
    world.approve(refused["plan"], include_grace=True)
    world.cloud.date = NOW + timedelta(hours=1)
    world.run("2026-11-26T03:00:00Z")
    assert {detail_type for detail_type, _ in world.bus.published} == {*PURGE_DETAIL_TYPES.values()}
    assert_as_described(world)


def test_the_refusals_of_a_purge_are_those_of_the_code() -> None:
    modules = (inventory, plan, planned_backup, approval, event, listing, memory, planning, stored_holds, superseded)
    named = {name for module in modules for name in re.findall(r"Reason\.(\w+)", inspect.getsource(module))}
    assert {reason.name for reason in PURGE_REFUSALS} == named | {"PLANS_UNUSABLE"}
