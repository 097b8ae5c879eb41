"""Backups that others may remove are shown with their reason, and nothing counts them."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.strategies import (
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    backup_id,
    inventory,
    many,
    nightly,
    policies,
    policy,
    record,
    records,
)
from vbs_reaper.backups.record import read_record
from vbs_reaper.deletion.request import read_request
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.survivors import Survivors
from vbs_reaper.purge.sending import requests_of

FOREIGN: dict[str, dict[str, Any]] = {
    "Kubernetes": {"description": "Created by OpenStack Cinder CSI driver"},
    "Kubernetes, in VBS": {"description": '{"DESC": "Created by OpenStack Cinder CSI driver", "ST": 0}'},
    "Kubernetes, by its metadata": {"metadata": {"cinder.csi.openstack.org/cluster": "kubernetes"}},
    "removed by the cloud": {"expired_at": "2026-12-24T00:00:00Z"},
    "of another project": {"os-bak-tenant-attr:tenant_id": OTHER_PROJECT},
    "part of a server backup, in VBS": {"service_metadata": '{"ST": 1}'},
    "part of a server backup": {"parent_id": backup_id(7), "resource_type": "OS::Cinder::Volume"},
    "backup of a server": {"parent_id": None, "resource_type": "OS::Nova::Server"},
}
DETAILS = [
    "description",
    "description",
    "metadata",
    "expired_at",
    "project",
    "service_metadata",
    f"it is a part of backup {backup_id(7)}",
    "it is a backup of OS::Nova::Server",
]


def made(rows: list[Record], by: PurgePolicy | None = None) -> Plan:
    return plan(by or policy(), inventory(rows, project_id=PROJECT), NOW)


@pytest.mark.parametrize(("fields", "detail"), list(zip(FOREIGN.values(), DETAILS, strict=True)), ids=FOREIGN)
def test_backup_that_another_may_remove_is_kept_with_the_field_that_shows_it(
    fields: dict[str, Any], detail: str
) -> None:
    rows = nightly(4)
    rows[3] |= fields
    (row,) = (row for row in made(rows).backups if row.id == backup_id(3))
    assert (row.keep, row.in_set, row.reasons, row.detail) == (True, False, ("not_owned",), detail)


@pytest.mark.parametrize("fields", FOREIGN.values(), ids=FOREIGN)
def test_newest_backup_is_not_counted_if_another_may_remove_it(fields: dict[str, Any]) -> None:
    rows = nightly(4)
    rows[0] |= fields
    assert [row.id for row in made(rows).selected] == [backup_id(3)]


def test_held_backup_counts() -> None:
    rows = nightly(4)
    rows[0]["description"] = "[hold]"
    assert [row.id for row in made(rows).selected] == [backup_id(2), backup_id(3)]


@pytest.mark.parametrize(
    "fields",
    [
        {"expired_at": None},
        {"parent_id": None, "resource_type": "OS::Cinder::Volume"},
        {"metadata": {"csi": "x"}},
        {"description": "created by openstack"},
    ],
)
def test_ordinary_backup_is_selected(fields: dict[str, Any]) -> None:
    rows = nightly(4)
    rows[3] |= fields
    assert backup_id(3) in {row.id for row in made(rows).selected}


EXPIRING = {"name": "daily*", "include_expiring": True}


def test_backup_that_the_cloud_removes_counts_and_is_selected_if_the_policy_says_so() -> None:
    rows = nightly(4, expired_at="2026-12-24T00:00:00Z")
    assert [row.id for row in made(rows).selected] == []
    assert [row.id for row in made(rows, policy(match=EXPIRING)).selected] == [backup_id(2), backup_id(3)]


@pytest.mark.parametrize("fields", [each for name, each in FOREIGN.items() if name != "removed by the cloud"])
def test_backup_of_another_owner_stays_outside_although_the_policy_includes_what_the_cloud_removes(
    fields: dict[str, Any],
) -> None:
    rows = nightly(4, expired_at="2026-12-24T00:00:00Z")
    rows[3] |= fields
    assert [row.id for row in made(rows, policy(match=EXPIRING)).selected] == [backup_id(2)]


foreign_records = st.lists(
    st.builds(
        lambda number, hours, name, fields: record(
            5000 + number, age=timedelta(hours=hours), name=name, volume_id=backup_id(10**9 + number % 3), **fields
        ),
        st.integers(0, 999),
        st.integers(0, 2000),
        st.sampled_from(["daily-a", "daily-b"]),
        st.sampled_from([*FOREIGN.values()]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row["id"],
)


@pytest.mark.parametrize("field", ["parent_id", "resource_type"])
def test_backup_is_kept_and_not_counted_if_it_is_unknown_what_it_is_a_backup_of(field: str) -> None:
    rows = nightly(4)
    rows[0][field] = 7
    (row,) = (row for row in plan(policy(), odd_inventory(rows), NOW).backups if row.id == backup_id(0))
    assert (row.keep, row.in_set, row.reasons, row.detail) == (True, False, ("unknown_field",), field)


def odd_inventory(rows: list[Record]) -> Inventory:
    """Read the rows as they are, each field by itself."""
    read = [read_record(msgspec.json.encode(row)) for row in rows]
    return Inventory(backups=[backup for backup in read if backup is not None], service="cbr")


@many
@given(policies().filter(lambda by: by.match.include_expiring is not True), records(), foreign_records)
def test_backups_that_others_may_remove_change_nothing(
    by: PurgePolicy, rows: list[Record], foreign: list[Record]
) -> None:
    without, with_foreign = made(rows, by), made([*rows, *foreign], by)
    assert [row.id for row in without.selected] == [row.id for row in with_foreign.selected]
    assert [*without.groups] == [*with_foreign.groups]
    assert [*without.guards] == [*with_foreign.guards]
    assert without.totals.matched == with_foreign.totals.matched
    survivors, of_both = Survivors(without.backups), Survivors(with_foreign.backups)
    assert all(survivors.of(row) == of_both.of(row) for row in without.selected)


@pytest.mark.parametrize(
    ("field", "longest"), [("name", "daily-" + "x" * 249), ("volume_id", "v" * 64)], ids=["name", "volume_id"]
)
def test_backup_with_a_value_that_a_request_cannot_carry_is_kept_with_the_field(field: str, longest: str) -> None:
    def rows(value: str) -> list[Record]:
        return [*nightly(3), *(record(9 + n, age=timedelta(days=9 + n), **{field: value}) for n in range(3))]

    assert backup_id(11) in {row.id for row in made(rows(longest)).selected}
    too_long = [row for row in made(rows(longest + "x")).backups if row.id in {backup_id(n) for n in (9, 10, 11)}]
    assert [(row.keep, row.reasons, row.detail) for row in too_long] == [(True, ("unknown_field",), field)] * 3


def test_each_request_of_a_plan_can_be_read_by_the_deleter() -> None:
    rows = [*nightly(3, name="daily-" + "ä" * 249), *nightly(3, volume_id="v" * 64)]
    rows = [row | {"id": backup_id(100 + number)} for number, row in enumerate(rows)]
    requests = requests_of(made(rows), made(rows).selected, "run", NOW + timedelta(days=1))
    read = [read_request(msgspec.to_builtins(request), NOW) for request in requests]
    assert len(read) == 2
