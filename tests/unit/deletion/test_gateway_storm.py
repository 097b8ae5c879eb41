"""A gateway that temporarily answers 4xx to everything ends no request: all wait, and continue afterwards."""

import json

import pytest
from msgspec.structs import replace

from tests.unit.clouds.logins import read_answer
from tests.unit.deletion.world import VIEW, World, ask, backup_id
from vbs_reaper.backups.answer import Operation
from vbs_reaper.cli.dead_letters.dead_letter import KINDS

BODIES = {
    "an APIG code": {"error_code": "APIG.0201", "error_msg": "request header too large", "request_id": "r"},
    "another APIG code": {"error_code": "APIGW.0106", "error_msg": "Orchestration error"},
    "Cinder's shape": {"badRequest": {"code": 400, "message": "malformed or otherwise incorrect"}},
    "a message": {"message": "no"},
    "nothing": {},
}
STATUSES = [400, 402, 403, 411, 412, 414, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 431, 451, 494, 499]
IDS = [backup_id(number) for number in range(10)]


@pytest.mark.parametrize("call", [Operation.SHOW_BACKUP, Operation.DELETE_BACKUP])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", STATUSES)
def test_a_storm_of_one_answer_ends_no_request(call: Operation, status: int, body: str) -> None:
    world = World(*IDS)
    storm = read_answer(call, IDS[0], status, {}, json.dumps(BODIES[body]).encode(), world.clock())
    for each in IDS:
        world.cloud.answers("show" if call is Operation.SHOW_BACKUP else "delete", each, replace(storm, target=VIEW))
    messages = [world.message(ask(each), each) for each in IDS]
    assert world.deliver(*messages) == IDS
    assert (world.letters, world.ends) == ([], [])
    world.cloud.scripted.clear()
    world.clock.advance(3600)
    world.deliver(*messages)
    assert {world.decision(each) for each in IDS} == {"asked"}


@pytest.mark.parametrize("reason", ["bad_request", "unexpected_status", "gateway_refused", "unexpected_answer"])
def test_what_was_parked_by_such_a_storm_can_be_redriven(reason: str) -> None:
    assert KINDS[reason].can_heal
