"""One field of an unexpected JSON type in a list: ignored, or that backup stays and the plan names the field."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.clouds.odd_fields import CASES
from tests.unit.purge.strategies import NOW, PROJECT, Record, backup_id, nightly, policy
from vbs_reaper.backups.answer import Service
from vbs_reaper.clouds.apis.records import read_rows
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.reasons import Reason

OWNERS = {"os-bak-tenant-attr:tenant_id", "os-backup-project-attr:project_id"}
NEEDED = {"volume_id", "status", "created_at", "name", "description", "metadata", "service_metadata"} | OWNERS
ODD = 3
"""Which of the nightly backups is odd: without that, it goes."""


def planned(rows: list[Record], service: Service, *, with_metadata: bool, project_id: str | None = PROJECT) -> Plan:
    """The plan on a list as it comes over the wire."""
    page = read_rows(json.dumps({"backups": rows}).encode(), None, 1000)
    assert page is not None
    inventory = Inventory(backups=page.backups, service=service, with_metadata=with_metadata, project_id=project_id)
    return plan(policy(), inventory, NOW)


def rows(**fields: object) -> list[Record]:
    listed = nightly(6, metadata={}, is_incremental=False)
    listed[ODD] |= fields
    return listed


def by_id(made: Plan) -> Mapping[str, PlannedBackup]:
    return {row.id: row for row in made.backups}


@pytest.mark.parametrize(("service", "with_metadata"), [("vbs", False), ("cinder", True)])
@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_backup_with_an_odd_field_is_planned_as_usual_or_stays_and_the_field_is_named(
    field: str,
    value: object,
    service: Service,
    with_metadata: bool,  # noqa: FBT001
) -> None:
    row = by_id(planned(rows(**{field: value}), service, with_metadata=with_metadata))[backup_id(ODD)]
    if field in NEEDED:
        assert (row.keep, row.reasons, row.detail) == (True, (Reason.UNKNOWN_FIELD,), field)
    elif field == "is_incremental" and service == "cinder":
        assert not row.keep, "it goes: only what is kept may need others"
        assert row.incremental is None
    else:
        assert (row.keep, row.reasons) == (False, (Reason.NOT_KEPT,))
    if field == "size":
        assert row.size is None


def test_an_incremental_of_unknown_kind_on_cinder_is_taken_at_its_worst() -> None:
    listed = rows()
    listed[0]["is_incremental"] = "false"
    listed[1]["is_incremental"] = "false"
    made = planned(listed, "cinder", with_metadata=True)
    assert by_id(made)[backup_id(2)].reasons == (Reason.CHAIN_BLOCKED,)
    assert {row.id for row in made.selected} == {backup_id(number) for number in (3, 4, 5)}


def test_an_owner_is_of_no_interest_if_no_project_is_known() -> None:
    listed = rows(**{"os-bak-tenant-attr:tenant_id": 7})
    row = by_id(planned(listed, "vbs", with_metadata=False, project_id=None))[backup_id(ODD)]
    assert row.reasons == (Reason.NOT_KEPT,)


changes = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(CASES)), min_size=1, max_size=4)


@given(changes, st.sampled_from([("vbs", False), ("cinder", True)]))
def test_odd_fields_select_nothing_that_would_stay_without_them(
    changed: list[tuple[int, tuple[str, Any]]], surroundings: tuple[Service, bool]
) -> None:
    service, with_metadata = surroundings
    odd, without = rows(), rows()
    for number, (field, value) in changed:
        odd[number][field] = value
        without[number].pop(field, None)
    made, plain = (planned(each, service, with_metadata=with_metadata) for each in (odd, without))
    never_shown = {"metadata", "service_metadata"} | OWNERS
    doubtful = {backup_id(number) for number, (field, _) in changed if field in never_shown}
    if not doubtful:
        assert {row.id for row in made.selected} == {row.id for row in plain.selected}
    assert doubtful.isdisjoint(row.id for row in made.selected)


def test_a_list_of_odd_rows_is_whole_and_in_order() -> None:
    listed = [row | {"size": "10"} for row in nightly(3)]
    page = read_rows(json.dumps({"backups": listed}).encode(), None, 1000)
    assert page is not None
    assert [backup.id for backup in page.backups] == [backup_id(number) for number in range(3)]
    assert all(backup.created_at == NOW - timedelta(days=n, hours=1) for n, backup in enumerate(page.backups))
