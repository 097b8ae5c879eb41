"""What a plan says at the edges of sizes, times, groups, rules and guards."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.purge.strategies import (
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    backup_id,
    inventory,
    nightly,
    policy,
    record,
)
from vbs_reaper.purge.calendar.zone import FAR_AHEAD
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.policy import Guards
from vbs_reaper.purge.rules.guards import read_guards
from vbs_reaper.reasons import Reason


def only(fields: Record, **surroundings: Any) -> PlannedBackup:  # noqa: ANN401  # whatever an inventory takes
    row = record(0, age=timedelta(days=1)) | fields
    return plan(policy(), inventory([row], **surroundings), NOW).backups[0]


@pytest.mark.parametrize(("size", "read"), [(0, 0), (0.5, 0.5), (999_999_999, 999_999_999), (10**9, None), (-1, None)])
def test_a_size_is_from_nothing_to_less_than_a_milliard_gib(size: float, read: float | None) -> None:
    assert only({"size": size}).size == read


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"status": "resting"}, "status"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"id": ""}, "id"),
        ({"service_metadata": "{"}, "service_metadata"),
        ({"volume_id": None}, "volume_id"),
    ],
)
def test_what_cannot_be_told_is_named(fields: Record, detail: str) -> None:
    row = only(fields)
    assert (row.reasons, row.detail) == ((Reason.UNKNOWN_FIELD,), detail)


def test_missing_metadata_is_named_where_there_must_be_some() -> None:
    row = only({}, with_metadata=True)
    assert (row.reasons, row.detail) == ((Reason.UNKNOWN_FIELD,), "metadata")


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"os-bak-tenant-attr:tenant_id": OTHER_PROJECT}, "project"),
        ({"service_metadata": '{"ST": 1}'}, "service_metadata"),
    ],
)
def test_what_makes_a_backup_somebody_elses_is_named(fields: Record, detail: str) -> None:
    row = only(fields, project_id=PROJECT)
    assert (row.reasons, row.detail) == ((Reason.NOT_OWNED,), detail)


@pytest.mark.parametrize(
    ("created_at", "made_at"),
    [
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T00:00:00.000001", 1),
        ("1969-12-31T23:59:59.999999", None),
        ("9999-12-30T00:00:00", FAR_AHEAD),
        ("9999-12-30T00:00:00.000001", None),
        ("9999-12-31T23:59:59.999999", None),
    ],
)
def test_a_backup_is_made_in_1970_or_later_and_not_beyond_the_calendar(created_at: str, made_at: int | None) -> None:
    row = only({"created_at": created_at})
    assert row.made_at == made_at
    assert row.detail == (None if made_at is not None else "created_at")


@pytest.mark.parametrize(
    "odd", ["", "../volumes/x", backup_id(10).upper(), backup_id(9).replace("-", ""), backup_id(9) + "\n"]
)
def test_what_no_request_can_name_stays_and_is_no_copy(odd: str) -> None:
    newest, oldest = ({**record(0, age=timedelta(days=days)), "id": odd} for days in (0, 9))
    for rows in ([newest, *nightly(3)[1:]], [*nightly(2), oldest]):
        made = plan(policy(keep={"last": 1}), inventory(rows), NOW)
        (row,) = (row for row in made.backups if row.id == odd)
        assert (row.keep, row.in_set, row.reasons, row.detail) == (True, False, (Reason.UNKNOWN_FIELD,), "id")
        (group,) = made.groups
        assert (group.backups, len(group.survivors), odd in group.survivors) == (2, 1, False)


def test_groups_by_name_are_called_by_it() -> None:
    rows = [record(number, age=timedelta(days=number), name=f"daily-{number % 2}") for number in range(4)]
    made = plan(policy(group_by="name"), inventory(rows), NOW)
    assert {row.id: row.group for row in made.backups} == {row["id"]: row["name"] for row in rows}


def test_every_rule_that_keeps_a_copy_is_named() -> None:
    made = plan(policy(keep={"last": 2, "daily": 9, "weekly": 9, "within": "48h"}), inventory(nightly(12)), NOW)
    reasons = {row.id: row.reasons for row in made.backups}
    assert reasons[backup_id(0)] == (
        Reason.KEEP_LAST,
        Reason.KEEP_DAILY,
        Reason.KEEP_WEEKLY,
        Reason.KEEP_WITHIN,
        Reason.MIN_KEPT,
    )
    assert reasons[backup_id(1)] == (Reason.KEEP_LAST, Reason.KEEP_DAILY, Reason.KEEP_WITHIN)


def test_the_oldest_copy_says_so_beside_the_rules_that_keep_it_anyway() -> None:
    rows = [record(number, age=timedelta(hours=number)) for number in range(2)]
    made = plan(policy(keep={"last": 2, "daily": 3}), inventory(rows), NOW)
    assert made.backups[1].reasons == (Reason.KEEP_LAST, Reason.KEEP_DAILY, Reason.KEEP_OLDEST)


def test_as_many_as_a_guard_allows_may_go() -> None:
    guards = Guards(max_deletions=3, max_fraction=0.5)
    assert [each.exceeded for each in read_guards(guards, 3, 6, 3)] == [False, False]
    assert [each.exceeded for each in read_guards(guards, 4, 6, 3)] == [True, True]


def test_the_fraction_applies_as_soon_as_one_group_loses_two() -> None:
    guards = Guards(max_deletions=3, max_fraction=0.1)
    assert [read_guards(guards, 2, 6, most)[1].applies for most in (1, 2)] == [False, True]
