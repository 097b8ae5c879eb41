"""A run that would delete the only copy of a volume is refused, and the plan names the volumes."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.unit.purge.purge_world import World, assert_refused, previewed
from tests.unit.purge.strategies import NOW, Record, backup_id, inventory, many, policies, policy, record, records
from vbs_reaper.purge.plan import Plan, is_consistent, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.policy import PurgePolicy

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
    grace = {"grace": "7d"} if include_grace else {}
    sha256 = previewed(world, **BY_NAME, **grace)
    assert world.approve(sha256, include_grace=include_grace)["requested"] == 2


def test_approval_that_would_leave_more_volumes_without_a_copy_is_refused() -> None:
    rows = one_copy_of_each(30)
    rows += [
        record(100 + n, age=timedelta(days=50 + n), name="daily", volume_id=volume(n), description="x") for n in (0, 1)
    ]
    world = World(rows)
    sha256 = previewed(world, **BY_NAME)
    # Somebody deletes the newer copies of two volumes and adds copies of others.
    new = [record(200 + n, age=timedelta(hours=0), name="daily", volume_id=volume(200 + n)) for n in range(2)]
    world.cloud.records = [*rows[2:], *new]
    assert_refused(world, world.approve(sha256), "guard_exceeded", "2 volumes would be left", "plan showed 0")


@many
@given(policies(), records())
def test_plan_that_no_guard_refuses_leaves_no_volume_without_a_copy(by: PurgePolicy, rows: list[Record]) -> None:
    found = plan(by, inventory(rows), NOW)
    if found.exceeded:
        return
    due = {row.id for row in found.due}
    copies = [row for row in found.backups if row.is_copy]
    assert {row.volume_id for row in copies} == {row.volume_id for row in copies if row.id not in due}
