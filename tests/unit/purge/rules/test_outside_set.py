"""Backups that others may remove are shown with their reason, and nothing counts them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.support.cases import cases
from tests.unit.purge.strategies import (
    DAY,
    HOUR,
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    backup_id,
    ids,
    inventory,
    many,
    nightly,
    policies,
    policy,
    record,
    records,
    selected,
)
from vbs_reaper.backups.backup import CSI_DESCRIPTION
from vbs_reaper.backups.record import read_record
from vbs_reaper.deletion.request import read_request
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.rules.survivors import Survivors
from vbs_reaper.purge.sending import requests_of

EXPIRES = {"expired_at": "2026-12-24T00:00:00Z"}
FOREIGN: dict[str, tuple[Record, str]] = {
    "Kubernetes": ({"description": CSI_DESCRIPTION}, "description"),
    "Kubernetes, in VBS": ({"description": f'{{"DESC": "{CSI_DESCRIPTION}", "ST": 0}}'}, "description"),
    "Kubernetes, by its metadata": ({"metadata": {"cinder.csi.openstack.org/cluster": "kubernetes"}}, "metadata"),
    "of another project": ({"os-bak-tenant-attr:tenant_id": OTHER_PROJECT}, "project"),
    "part of a server backup, in VBS": ({"service_metadata": '{"ST": 1}'}, "service_metadata"),
    "part of a server backup": (
        {"parent_id": backup_id(7), "resource_type": "OS::Cinder::Volume"},
        f"it is a part of backup {backup_id(7)}",
    ),
    "backup of a server": (
        {"parent_id": None, "resource_type": "OS::Nova::Server"},
        "it is a backup of OS::Nova::Server",
    ),
}
OR_EXPIRING = FOREIGN | {"removed by the cloud": (EXPIRES, "expired_at")}
INCLUDING = policy(match={"name": "daily*", "include_expiring": True})


def made(rows: list[Record], by: PurgePolicy | None = None) -> Plan:
    return plan(by or policy(), inventory(rows, project_id=PROJECT), NOW)


@pytest.mark.parametrize(("fields", "detail"), cases(OR_EXPIRING))
def test_backup_that_another_may_remove_is_kept_with_the_field_that_shows_it_and_not_counted(
    fields: Record, detail: str
) -> None:
    (row,) = (row for row in made(nightly(4, {3: fields})).backups if row.id == backup_id(3))
    assert (row.keep, row.in_set, row.reasons, row.detail) == (True, False, ("not_owned",), detail)
    assert selected(made(nightly(4, {0: fields}))) == {*ids(3)}


def test_held_backup_counts() -> None:
    assert selected(made(nightly(4, {0: {"description": "[hold]"}}))) == {*ids(2, 3)}


def test_backup_that_the_cloud_removes_counts_and_is_selected_if_the_policy_says_so() -> None:
    assert selected(made(nightly(4, **EXPIRES))) == set()
    assert selected(made(nightly(4, **EXPIRES), INCLUDING)) == {*ids(2, 3)}


@pytest.mark.parametrize(("fields", "detail"), cases(FOREIGN))
def test_backup_of_another_owner_stays_outside_although_the_policy_includes_what_the_cloud_removes(
    fields: Record, detail: str
) -> None:
    found = made(nightly(4, {3: fields}, **EXPIRES), INCLUDING)
    assert selected(found) == {*ids(2)}
    assert detail in {row.detail for row in found.backups}


@pytest.mark.parametrize("field", ["parent_id", "resource_type"])
def test_backup_is_kept_and_not_counted_if_it_is_unknown_what_it_is_a_backup_of(field: str) -> None:
    read = [read_record(msgspec.json.encode(row)) for row in nightly(4, {0: {field: 7}})]
    listed = Inventory(backups=[backup for backup in read if backup is not None], service="cbr")
    (row,) = (row for row in plan(policy(), listed, NOW).backups if row.id == backup_id(0))
    assert (row.keep, row.in_set, row.reasons, row.detail) == (True, False, ("unknown_field",), field)


foreign_records = st.lists(
    st.builds(
        lambda number, hours, name, fields: record(
            5000 + number, age=hours * HOUR, name=name, volume_id=backup_id(10**9 + number % 3), **fields
        ),
        st.integers(0, 999),
        st.integers(0, 2000),
        st.sampled_from(["daily-a", "daily-b"]),
        st.sampled_from([fields for fields, _ in OR_EXPIRING.values()]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row["id"],
)


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


@pytest.mark.parametrize(("field", "longest"), [("name", "daily-" + "x" * 249), ("volume_id", "v" * 64)], ids=str)
def test_backup_with_a_value_that_a_request_cannot_carry_is_kept_with_the_field(field: str, longest: str) -> None:
    def found(value: str) -> Plan:
        fields: dict[str, Any] = {field: value}
        return made([*nightly(3), *(record(9 + n, age=(9 + n) * DAY, **fields) for n in range(3))])

    assert backup_id(11) in selected(found(longest))
    too_long = [row for row in found(longest + "x").backups if row.id in ids(9, 10, 11)]
    assert [(row.keep, row.reasons, row.detail) for row in too_long] == [(True, ("unknown_field",), field)] * 3


def test_each_request_of_a_plan_can_be_read_by_the_deleter() -> None:
    rows = [*nightly(3, name="daily-" + "ä" * 249), *nightly(3, volume_id="v" * 64)]
    found = made([row | {"id": backup_id(100 + number)} for number, row in enumerate(rows)])
    requests = requests_of(found, found.selected, "run", NOW + DAY)
    assert len([read_request(msgspec.to_builtins(request), NOW) for request in requests]) == 2
