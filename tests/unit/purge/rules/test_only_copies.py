"""A run that would delete the only copy of a volume is refused, and the plan names the volumes."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.purge_world import World, assert_refused, previewed
from tests.unit.purge.strategies import (
    NOW,
    PROJECT,
    Record,
    backup_id,
    inventory,
    many,
    policies,
    policy,
    record,
    records,
)
from vbs_reaper.backups.answer import TargetInfo
from vbs_reaper.backups.identifiers import ProjectId
from vbs_reaper.errors import RunUnfinished
from vbs_reaper.purge.plan import Plan, is_consistent, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.policy import PurgePolicy, read_policy
from vbs_reaper.purge.rules.only_copies import volumes_left_without

BY_NAME: dict[str, Any] = {"keep": {"last": 30}, "group_by": "name"}


def volume(number: int) -> str:
    return backup_id(10**9 + number)


def one_copy_of_each(volumes: int) -> list[Record]:
    """Backups that all have the same name, each of another volume."""
    return [
        record(number, age=timedelta(days=number, hours=1), name="daily", volume_id=volume(number))
        for number in range(volumes)
    ]


def made(rows: list[Record], **parts: object) -> Plan:
    return plan(policy(**(BY_NAME | parts)), inventory(rows), NOW)


def test_run_that_would_delete_the_only_copies_of_volumes_is_refused_by_default() -> None:
    world = World(one_copy_of_each(40))
    answer = world.run(**BY_NAME)
    assert_refused(
        world,
        answer,
        "guard_exceeded",
        "10 volumes would be left without a copy, max_volumes_left_without 0 allows only 0",
    )


def test_warning_names_the_volumes_and_what_to_do() -> None:
    (warning,) = (each for each in made(one_copy_of_each(32)).warnings if "left without" in each)
    assert warning.startswith(f"2 volumes would be left without a usable backup: {volume(30)}, {volume(31)}. Keep more")
    assert "max_volumes_left_without" in warning
    (warning,) = (each for each in made(one_copy_of_each(45)).warnings if "left without" in each)
    assert warning.startswith("15 volumes")
    assert volume(39) in warning
    assert volume(40) not in warning
    assert " and 5 more. " in warning


@pytest.mark.parametrize(("allowed", "exceeded"), [(0, True), (9, True), (10, False)])
def test_guard_allows_as_many_volumes_as_it_says(allowed: int, exceeded: bool) -> None:  # noqa: FBT001
    found = made(one_copy_of_each(40), guards={"max_volumes_left_without": allowed})
    assert [guard.guard for guard in found.exceeded] == ["max_volumes_left_without"] * exceeded
    assert any("left without" in warning for warning in found.warnings) is exceeded


def test_volume_that_keeps_a_copy_loses_others() -> None:
    rows = [*one_copy_of_each(30), record(99, age=timedelta(days=99), name="daily", volume_id=volume(0))]
    found = made(rows)
    assert [row.id for row in found.due] == [backup_id(99)]
    assert not found.exceeded
    assert not found.warnings


@pytest.mark.parametrize("fields", [{"status": "error"}, {"description": "Created by OpenStack Cinder CSI driver"}])
def test_copy_that_is_not_usable_or_that_another_may_remove_is_no_copy(fields: dict[str, Any]) -> None:
    rows = one_copy_of_each(31)
    rows.append(record(99, age=timedelta(days=1), name="daily", volume_id=volume(30), **fields))
    assert [guard.due for guard in made(rows).guards] == [1, 1, 1]


def test_backup_in_its_grace_still_counts() -> None:
    assert not made(one_copy_of_each(40), grace="7d").exceeded


def test_failed_copies_of_volumes_without_any_copy_may_go() -> None:
    rows = [row | {"status": "error"} for row in one_copy_of_each(3)]
    found = made(rows, match={"status": "error"}, guards={"max_fraction": 1})
    assert len([*found.due]) == 3
    assert not found.exceeded


def test_plan_with_groups_by_volume_has_no_reading_of_it() -> None:
    found = made(one_copy_of_each(3), group_by="volume")
    assert [guard.guard for guard in found.guards] == ["max_deletions", "max_fraction"]


def test_stored_plan_is_consistent() -> None:
    found = read_plan(encode_plan(made(one_copy_of_each(40))))
    assert is_consistent(found)


@pytest.mark.parametrize("include_grace", [False, True])
def test_approval_accepts_the_volumes_that_the_plan_showed(include_grace: bool) -> None:  # noqa: FBT001
    world = World(one_copy_of_each(32))
    sha256 = previewed(world, **BY_NAME)
    assert world.approve(sha256, include_grace=include_grace)["requested"] == 2


def test_approval_with_grace_leaves_out_the_only_copies_that_the_plan_did_not_show() -> None:
    """The guard of the plan counts only what is due, and nothing is."""
    rows = one_copy_of_each(32)
    rows.append(record(100, age=timedelta(days=50), name="daily", volume_id=volume(31)))
    world = World(rows)
    sha256 = previewed(world, **BY_NAME, grace="7d")
    assert world.document()["guards"][2]["due"] == 0
    answer = world.approve(sha256, include_grace=True)
    assert world.queue.ids == [backup_id(100)]
    assert answer["left_out"]["backups"] == (
        {"id": backup_id(30), "reason": "only_copy"},
        {"id": backup_id(31), "reason": "only_copy"},
    )


def test_approval_leaves_out_the_copy_that_became_the_only_one_of_its_volume() -> None:
    rows = one_copy_of_each(30)
    rows += [
        record(100 + n, age=timedelta(days=50 + n), name="daily", volume_id=volume(n), description="x") for n in (0, 1)
    ]
    world = World(rows)
    sha256 = previewed(world, **BY_NAME)
    # Somebody deletes the newer copies of two volumes and adds copies of others.
    new = [record(200 + n, age=timedelta(hours=0), name="daily", volume_id=volume(200 + n)) for n in range(2)]
    world.cloud.records = [*rows[1:], *new]
    answer = world.approve(sha256)
    assert world.queue.ids == [backup_id(101)]
    assert answer["left_out"]["backups"] == ({"id": backup_id(100), "reason": "only_copy"},)
    assert "1 only_copy (The plan did not show that it is the last usable copy of its volume)" in answer["message"]


def test_of_several_copies_that_an_approval_would_delete_the_newest_is_left_out() -> None:
    rows = one_copy_of_each(30)
    rows += [record(100 + n, age=timedelta(days=50 + n), name="daily", volume_id=volume(0)) for n in (0, 1)]
    world = World(rows)
    sha256 = previewed(world, **BY_NAME)
    world.cloud.records = [*rows[1:], record(200, age=timedelta(hours=0), name="daily", volume_id=volume(200))]
    answer = world.approve(sha256)
    assert (world.queue.ids, answer["left_out"]["reasons"]) == ([backup_id(101)], {"only_copy": 1})


def test_approval_still_deletes_the_only_copies_that_its_plan_showed() -> None:
    rows = one_copy_of_each(32)
    rows.append(record(100, age=timedelta(days=50), name="daily", volume_id=volume(0)))
    world = World(rows)
    sha256 = previewed(world, **BY_NAME)
    world.cloud.records = [*rows[1:], record(200, age=timedelta(hours=0), name="daily", volume_id=volume(200))]
    answer = world.approve(sha256)
    assert sorted(world.queue.ids) == [backup_id(30), backup_id(31)]
    assert answer["left_out"]["reasons"] == {"only_copy": 1}


def test_run_repeated_late_leaves_out_a_new_only_copy() -> None:
    rows = one_copy_of_each(30)
    rows.append(record(100, age=timedelta(days=50), name="daily", volume_id=volume(0)))
    world = World(rows)
    world.queue.takes = 0
    with pytest.raises(RunUnfinished):
        world.run(**BY_NAME)
    world.wait(3601)
    world.queue.takes = None
    world.cloud.records = [*rows[1:], record(200, age=timedelta(hours=0), name="daily", volume_id=volume(200))]
    assert world.run(**BY_NAME)["left_out"]["reasons"] == {"only_copy": 1}
    assert world.queue.sent == []


def test_on_cinder_what_a_copy_needs_that_became_the_only_one_is_left_out_too() -> None:
    full = record(101, age=timedelta(days=60), name="daily", volume_id=volume(0), is_incremental=False)
    child = record(100, age=timedelta(days=50), name="daily", volume_id=volume(0), is_incremental=True)
    rows = [*(row | {"is_incremental": False} for row in one_copy_of_each(30)), child, full]
    world = World(rows)
    world.cloud.view = TargetInfo(
        project_id=ProjectId(PROJECT), hold_marker="[hold]", shows_metadata=False, service="cinder"
    )
    sha256 = previewed(world, **BY_NAME)
    assert len(world.due()) == 2
    new = record(200, age=timedelta(hours=0), name="daily", volume_id=volume(200), is_incremental=False)
    world.cloud.records = [*rows[1:], new]
    answer = world.approve(sha256)
    assert (answer["requested"], answer["left_out"]["reasons"]) == (0, {"chain_blocked": 1, "only_copy": 1})


@many
@given(policies(), records(), st.data())
def test_approval_leaves_no_volume_without_a_copy_that_its_plan_did_not_show(
    by: PurgePolicy, rows: list[Record], data: st.DataObject
) -> None:
    document = msgspec.to_builtins(by) | {
        "target": "otc-prod",
        "mode": "preview",
        "guards": {"max_fraction": 1, "max_deletions": 999, "max_volumes_left_without": 99},
    }
    world = World(rows)
    shown = world.handle({"run": document, "scheduled_time": "2026-11-25T03:00:00Z"})
    if shown["outcome"] == "refused":
        return
    with_grace = data.draw(st.booleans())
    due = set(world.due())
    gone = data.draw(st.sets(st.sampled_from([row["id"] for row in rows]))) if rows else set()
    world.cloud.records = [row for row in rows if row["id"] not in gone]
    world.approve(shown["plan"], include_grace=with_grace)
    fresh = plan(read_policy(document), inventory(world.cloud.records, project_id=PROJECT), NOW)
    sent = set(world.queue.ids)
    losing = set(volumes_left_without(fresh.backups, lambda row: row.id in sent))
    before = plan(read_policy(document), inventory(rows, project_id=PROJECT), NOW)
    assert losing <= set(volumes_left_without(before.backups, lambda row: row.id in due))


@many
@given(policies(), records())
def test_plan_that_no_guard_refuses_leaves_no_volume_without_a_copy(by: PurgePolicy, rows: list[Record]) -> None:
    found = plan(by, inventory(rows), NOW)
    if found.exceeded:
        return
    due = {row.id for row in found.due}
    copies = [row for row in found.backups if row.is_copy]
    assert {row.volume_id for row in copies} == {row.volume_id for row in copies if row.id not in due}
