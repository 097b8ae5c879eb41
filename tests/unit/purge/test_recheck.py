"""What an approval may request, for any inventory that changes before the plan is approved."""

from typing import Any

import msgspec
from hypothesis import given, settings, strategies as st

from tests.unit.purge import strategies as draw
from tests.unit.purge.purge_world import World, target
from tests.unit.purge.strategies import NOW, PROJECT, Record, backup_id, inventory, nightly
from vbs_reaper.backups.answer import Service
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.planned_backup import newest_first
from vbs_reaper.purge.policy import PurgePolicy, read_policy

WITHOUT_GUARDS = {
    "target": "otc-prod",
    "guards": {"max_fraction": 1, "max_deletions": 999, "max_volumes_left_without": 99},
}
CHANGES: dict[str, Record] = {
    "held": {"description": "[hold]"},
    "renamed": {"name": "daily-renamed"},
    "failed": {"status": "error"},
    "remade": {"created_at": NOW.isoformat()},
}
fates = st.sampled_from(["stays"] * 4 + ["gone", *CHANGES])
"""What becomes of a backup between a plan and its approval."""
services: st.SearchStrategy[Service] = st.sampled_from(["vbs", "cinder"])


def assert_names_survivors_that_are_newer_and_kept(request: dict[str, Any], made: Plan) -> None:
    """Every request names one, except those of a policy that applies to failed backups only: nothing is kept there."""
    rows = {row.id: row for row in made.backups}
    going = rows[request["backup_id"]]
    survivors = [rows[each] for each in request["expect"].get("survivors", [])]
    if not any(row.keep and row.is_copy and row.group == going.group for row in made.backups):
        assert going.status == "error"
        return
    assert 1 <= len(survivors) <= (2 if made.policy.group_by == "volume" else 3)
    assert all(row.keep and row.is_copy for row in survivors)
    is_newer = [newest_first(row) > newest_first(going) for row in survivors]
    assert any(is_newer) or going.status == "error", "a failed copy may be newer than all usable ones"


@settings(draw.many, max_examples=4 * settings().max_examples)
@given(draw.policies(), draw.records(), st.data(), services, st.booleans())
def test_an_approval_sends_only_what_the_plan_showed_and_a_plan_of_now_lets_go(
    policy: PurgePolicy, rows: list[Record], data: st.DataObject, service: Service, with_grace: bool
) -> None:
    document = msgspec.to_builtins(policy) | WITHOUT_GUARDS
    world = World(rows)
    world.cloud.view = target(service=service)
    shown = world.handle({"run": document, "scheduled_time": "2026-11-25T03:00:00Z"})
    if shown["outcome"] == "refused":
        return
    chosen = {row.id: row for row in world.stored_plan().selected}
    due = chosen.keys() if with_grace else chosen.keys() & set(world.due())
    world.wait(days=data.draw(st.integers(0, 3)))
    drawn = [(row, data.draw(fates)) for row in rows]
    world.cloud.records = [row | CHANGES.get(fate, {}) for row, fate in drawn if fate != "gone"]
    world.cloud.records += [
        row | {"id": backup_id(5000 + n)} for n, row in enumerate(nightly(data.draw(st.integers(0, 3))))
    ]
    answer = world.approve(shown["plan"], include_grace=with_grace)
    sent = set(world.queue.ids)
    if answer["outcome"] == "refused":
        assert not sent
        assert answer["reason"] == "guard_exceeded"
        return
    listed = inventory(world.cloud.records, service=service, project_id=PROJECT)
    fresh = plan(read_policy(document), listed, world.clock.now)
    let_go = {row.id: row for row in fresh.selected}
    assert sent <= due & let_go.keys()
    assert not {row["id"] for row in world.cloud.records if row.get("description") == "[hold]"} & sent
    for each in sent:
        assert (let_go[each].volume_id, let_go[each].name) == (chosen[each].volume_id, chosen[each].name)
    for request in world.queue.requests:
        assert_names_survivors_that_are_newer_and_kept(request, fresh)
    if answer["outcome"] == "completed":
        out = answer.get("left_out", {"count": 0, "reasons": {}})
        assert len(sent) + out["count"] == len(due)
        assert sum(out["reasons"].values()) == out["count"]
