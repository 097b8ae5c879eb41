"""Which copies must survive the deletion of a backup."""

from datetime import timedelta
from typing import Any

from hypothesis import given

from tests.unit.purge.strategies import (
    NOW,
    Record,
    backup_id,
    inventory,
    many,
    nightly,
    policies,
    policy,
    record,
    records,
    surroundings,
)
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.planned_backup import PlannedBackup, newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.retention import PERIOD_RULES, RULES
from vbs_reaper.purge.rules.survivors import Survivors

OTHER_VOLUME = backup_id(10**9 + 1)


def survivors_of(rows: list[Record], **parts: object) -> dict[str, tuple[str, ...]]:
    made = plan(policy(**parts), inventory(rows), NOW)
    survivors = Survivors(made.backups)
    return {row.id: survivors.of(row) for row in made.selected}


def ids(*numbers: int) -> tuple[str, ...]:
    return tuple(map(backup_id, numbers))


def test_the_copy_that_covers_a_backup_survives_it_and_so_does_the_newest() -> None:
    rows = nightly(60)  # on 25 November at 02:00, and back
    found = survivors_of(rows, keep={"last": 1, "monthly": 2})
    assert found[backup_id(26)] == ids(25, 0)  # 30 October: 31 October is the newest of its month
    assert found[backup_id(1)] == ids(0)
    assert found[backup_id(59)] == ids(25, 0)


def test_without_a_period_rule_only_the_newest_survives() -> None:
    assert survivors_of(nightly(4)) == {backup_id(2): ids(0), backup_id(3): ids(0)}


def test_in_a_group_by_name_the_copies_of_the_same_volume_come_first() -> None:
    rows = [
        record(number, age=timedelta(hours=number), name="daily", volume_id=backup_id(10**9 + number % 2))
        for number in range(80)
    ]
    found = survivors_of(rows, keep={"last": 3, "daily": 4}, group_by="name")
    kept = {number for number in range(80) if backup_id(number) not in found}
    assert kept == {0, 1, 2, 4, 28, 52}
    assert found[backup_id(60)] == ids(52, 0)
    # Number 61 is of the other volume, of which no period rule keeps a copy.
    assert found[backup_id(61)] == ids(52, 1)


def test_a_volume_without_a_newer_kept_copy_relies_on_its_group() -> None:
    rows = [*nightly(3, name="daily"), record(3, age=timedelta(days=3), name="daily", volume_id=OTHER_VOLUME)]
    assert survivors_of(rows, group_by="name")[backup_id(3)] == ids(0)


def test_a_failed_copy_that_is_newer_than_all_others_names_the_newest_kept_copy() -> None:
    rows = nightly(2)
    rows[0]["status"] = "error"
    found = survivors_of(rows, match={"status": ["available", "error"]})
    assert found == {backup_id(0): ids(1)}


def test_a_policy_for_failed_copies_names_no_survivor() -> None:
    rows = nightly(2)
    rows[1]["status"] = "error"
    assert survivors_of(rows, match={"status": "error"}) == {backup_id(1): ()}


def test_a_backup_that_is_only_held_is_no_survivor() -> None:
    rows = nightly(6)
    rows[3]["description"] = "[hold]"
    assert survivors_of(rows)[backup_id(5)] == ids(0)


def _is_kept_by(row: PlannedBackup, rules: object) -> bool:
    return row.keep and row.is_copy and any(reason in rules for reason in row.reasons)  # type: ignore[operator]


@many
@given(policies(), records(only_past=False), surroundings)
def test_every_selected_copy_names_survivors_that_are_newer_and_kept(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(policy, inventory(rows, **around), NOW)
    survivors = Survivors(made.backups)
    by_id = {row.id: row for row in made.backups}
    for row in made.selected:
        named = [by_id[survivor] for survivor in survivors.of(row)]
        assert len(named) <= 2
        assert all(_is_kept_by(survivor, RULES) and survivor.group == row.group for survivor in named)
        if row.is_copy:
            assert named
            assert all(newest_first(survivor) > newest_first(row) for survivor in named)
        else:
            assert named or not any(other.is_copy and other.group == row.group for other in made.backups)
        between = [
            other
            for other in made.backups
            if _is_kept_by(other, PERIOD_RULES)
            and (other.group, other.volume_id) == (row.group, row.volume_id)
            and newest_first(other) > newest_first(row)
        ]
        if between:
            assert named[0] is min(between, key=newest_first)
