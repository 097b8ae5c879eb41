"""What a pass tells those it calls, and whom it tells of its calls."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.deletion.world import PROJECT, VIEW, World, backup_id
from vbs_reaper.backups.answer import Operation
from vbs_reaper.deletion.decision import Asked

ONE = backup_id(1)
REQUEST = {"backup_id": ONE}
LOOK = Operation.SHOW_BACKUP
DELETE = Operation.DELETE_BACKUP


def test_what_follows_a_look_is_about_the_very_place_that_was_looked_at() -> None:
    world = World()
    world.cloud.view = replace(VIEW, address="https://there")
    world.cloud.has(ONE)
    world.deliver(world.message(REQUEST))
    assert isinstance(world.report.last("m-1"), Asked)
    assert [(ref.target, ref.project_id, ref.address) for ref in world.cloud.refs] == [
        ("default", None, None),
        ("default", PROJECT, "https://there"),
    ]


def test_the_report_is_told_of_the_calls_of_each_pass_however_it_ends() -> None:
    world = World()
    world.cloud.has(ONE)
    asked = {"asked_at": world.clock().isoformat()}
    world.deliver(world.message(REQUEST, "asked for"))
    world.deliver(world.message(REQUEST, "still deleting", attributes=asked))
    world.clock.advance(60)
    world.deliver(world.message(REQUEST, "gone", attributes=asked))
    long_ago = world.clock() - timedelta(days=12, hours=11)
    world.deliver(world.message(REQUEST, "gone, and heard late", sent_at=long_ago))
    assert world.report.calls == [
        ("asked for", [LOOK, DELETE]),
        ("still deleting", [LOOK]),
        ("gone", [LOOK]),
        ("gone, and heard late", [LOOK]),
    ]
