"""Which copies must survive the deletion of a backup."""

from typing import Any

import pytest
from hypothesis import given

from tests.support.cases import cases
from tests.unit.purge import strategies as draw
from tests.unit.purge.strategies import HOUR, NOW, Record, backup_id, ids, inventory, make_plan, nightly, record
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.planned_backup import PlannedBackup, newest_first
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.retention import PERIOD_RULES, RULES
from vbs_reaper.purge.rules.survivors import Survivors

BY_NAME = {"group_by": "name"}
HOURLY_OF_TWO_VOLUMES = [
    record(number, age=number * HOUR, name="daily", volume_id=backup_id(number % 2)) for number in range(80)
]
LAST_OF_VOLUME = [
    record(3, age=72 * HOUR, name="daily", volume_id="v"),
    record(4, age=9600 * HOUR, name="daily", volume_id="v"),
]


@pytest.mark.parametrize(
    ("rows", "parts", "survivors"),
    cases(
        {
            # From 25 November back. Number 25, of 31 October, is the newest of its month.
            "the copy that covers it and the newest": (
                nightly(60),
                {"keep": {"last": 1, "monthly": 2}},
                {26: [25, 0], 1: [0], 59: [25, 0]},
            ),
            "the newest without a period rule": (nightly(4), {}, {2: [0], 3: [0]}),
            # Kept are 0, 1, 2, 4, 28 and 52. Number 61 is of the volume of which no period rule keeps a copy.
            "copies of the same volume first": (
                HOURLY_OF_TWO_VOLUMES,
                BY_NAME | {"keep": {"last": 3, "daily": 4}},
                {60: [52, 0], 61: [52, 1]},
            ),
            "of its group if the volume keeps none": (
                nightly(4, {3: {"volume_id": "other"}}, name="daily"),
                BY_NAME,
                {3: [0]},
            ),
            "the last copy of its volume too": (
                [*nightly(3, name="daily"), *LAST_OF_VOLUME],
                BY_NAME | {"keep": {"last": 2, "yearly": 2}},
                {2: [0], 3: [0, 4]},
            ),
            "the last copy of its volume too, in another group": (
                [*nightly(3, {2: {"name": "weekly", "volume_id": "v"}, 1: {"volume_id": "v"}}, name="daily")],
                BY_NAME | {"match": {"status": "available"}, "keep": {"last": 1}},
                {1: [0, 2]},
            ),
            "the last copy of its volume too, if it is only held": (
                [*nightly(2, name="daily"), LAST_OF_VOLUME[0], LAST_OF_VOLUME[1] | {"description": "[hold]"}],
                BY_NAME | {"keep": {"last": 1}},
                {1: [0], 3: [0, 4]},
            ),
            "not the last copy of its volume for a failed one": (
                [
                    *nightly(2, name="daily"),
                    LAST_OF_VOLUME[0] | {"status": "error"},
                    LAST_OF_VOLUME[1] | {"description": "[hold]"},
                ],
                BY_NAME | {"match": {"status": ["available", "error"]}, "keep": {"last": 1}},
                {1: [0], 3: [0]},
            ),
            "of a failed copy that is newer than all": (
                nightly(2, {0: {"status": "error"}}),
                {"match": {"status": ["available", "error"]}},
                {0: [1]},
            ),
            "none by a policy for failed copies": (
                nightly(2, {1: {"status": "error"}}),
                {"match": {"status": "error"}},
                {1: []},
            ),
            "not one that is only held": (nightly(6, {3: {"description": "[hold]"}}), {}, {5: [0]}),
        }
    ),
)
def test_survivors(rows: list[Record], parts: dict[str, Any], survivors: dict[int, list[int]]) -> None:
    made = make_plan(rows, **parts)
    found = Survivors(made.backups)
    selected = {row.id: [*found.of(row)] for row in made.selected}
    assert {number: selected[backup_id(number)] for number in survivors} == {
        number: ids(*numbers) for number, numbers in survivors.items()
    }


def _is_kept_by(row: PlannedBackup, rules: object) -> bool:
    return row.keep and row.is_copy and any(reason in rules for reason in row.reasons)  # type: ignore[operator]


@draw.many
@given(draw.policies(), draw.records(only_past=False), draw.surroundings)
def test_every_selected_copy_names_survivors_that_are_newer_and_kept_and_one_of_its_volume(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(policy, inventory(rows, **around), NOW)
    survivors = Survivors(made.backups)
    by_id = {row.id: row for row in made.backups}
    for row in made.selected:
        named = [by_id[survivor] for survivor in survivors.of(row)]
        if row.is_copy:
            kept = [
                other for other in made.backups if other.keep and other.is_copy and other.volume_id == row.volume_id
            ]
            assert not kept or any(survivor.volume_id == row.volume_id for survivor in named)
            newer = [survivor for survivor in named if newest_first(survivor) > newest_first(row)]
            covering = [each for each in newer if _is_kept_by(each, RULES) and each.group == row.group]
            others = [each for each in named if each not in covering]
            assert 1 <= len(covering) <= 2
            assert others in ([], [max(kept, key=newest_first, default=None)])
            assert not others or policy.group_by != "volume"
        else:
            assert len(named) <= 2
            assert all(_is_kept_by(survivor, RULES) and survivor.group == row.group for survivor in named)
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
