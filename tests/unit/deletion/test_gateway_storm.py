"""A gateway that answers 4xx to everything for a while empties no queue: requests wait, and go on afterwards."""

import json
from dataclasses import replace

import pytest

from tests.unit.clouds.logins import read_answer
from tests.unit.deletion.world import VIEW, World, backup_id
from vbs_reaper.backups.answer import Operation
from vbs_reaper.cli.dead_letters.dead_letter import KINDS
from vbs_reaper.deletion.decision import Asked

BODIES = {
    "an APIG code": {"error_code": "APIG.0201", "error_msg": "request header too large", "request_id": "r"},
    "another APIG code": {"error_code": "APIGW.0106", "error_msg": "Orchestration error"},
    "Cinder's shape": {"badRequest": {"code": 400, "message": "malformed or otherwise incorrect"}},
    "a message": {"message": "no"},
    "nothing": {},
}
STATUSES = [400, 402, 403, 411, 412, 414, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 431, 451, 494, 499]
IDS = [backup_id(number) for number in range(10)]


@pytest.mark.parametrize("operation", [Operation.SHOW_BACKUP, Operation.DELETE_BACKUP])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", STATUSES)
def test_a_storm_of_one_answer_ends_no_request(operation: Operation, status: int, body: str) -> None:
    world = World()
    raw = json.dumps(BODIES[body]).encode()
    storm = replace(read_answer(operation, IDS[0], status, {}, raw, world.clock()), target=VIEW)
    for each in IDS:
        world.cloud.has(each)
        world.cloud.answers("show" if operation is Operation.SHOW_BACKUP else "delete", each, *[storm] * 20)
    messages = {f"m-{each}": {"backup_id": each} for each in IDS}
    kept = world.deliver(*[world.message(asked, name) for name, asked in messages.items()])
    assert kept == list(messages)
    assert world.queue.letters == []
    assert world.bus.results == []
    world.cloud.scripted.clear()
    world.clock.advance(3600)
    world.deliver(*[world.message(asked, name) for name, asked in messages.items()])
    assert all(isinstance(world.report.last(name), Asked) for name in messages)


@pytest.mark.parametrize("reason", ["bad_request", "unexpected_status", "gateway_refused", "unexpected_answer"])
def test_what_was_parked_by_such_a_storm_can_be_redriven(reason: str) -> None:
    assert KINDS[reason].can_heal
