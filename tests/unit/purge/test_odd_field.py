"""One field of an unexpected JSON type in a list: it is ignored, or the backup is kept and the plan names the field."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.clouds.odd_fields import CASES
from tests.unit.purge.strategies import DAY, HOUR, NOW, PROJECT, Record, backup_id, ids, nightly, policy, selected
from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import Backup
from vbs_reaper.clouds.apis.records import read_rows
from vbs_reaper.purge.inventory import Inventory
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.reasons import Reason

NEVER_SHOWN = {"metadata", "service_metadata", "os-bak-tenant-attr:tenant_id", "os-backup-project-attr:project_id"}
NEEDED = NEVER_SHOWN | {"volume_id", "status", "created_at", "name", "description"}
Around = tuple[Service, bool]
SERVICES: list[Around] = [("vbs", False), ("cinder", True)]
"""Each with whether it shows metadata."""


def read(rows: list[Record]) -> tuple[Backup, ...]:
    """Parse a list from its JSON."""
    page = read_rows(json.dumps({"backups": rows}).encode(), None, 1000)
    assert page is not None
    return tuple(page.backups)


def planned(rows: list[Record], around: Around = ("vbs", False), project_id: str | None = PROJECT) -> Plan:
    service, with_metadata = around
    listed = Inventory(backups=read(rows), service=service, with_metadata=with_metadata, project_id=project_id)
    return plan(policy(), listed, NOW)


def rows_with(changes: dict[int, Record]) -> list[Record]:
    return nightly(6, changes, metadata={}, is_incremental=False)


def row_of(made: Plan, number: int) -> PlannedBackup:
    return next(row for row in made.backups if row.id == backup_id(number))


@pytest.mark.parametrize("around", SERVICES)
@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_backup_with_an_odd_field_is_planned_as_usual_or_stays_and_the_field_is_named(
    field: str, value: object, around: Around
) -> None:
    row = row_of(planned(rows_with({3: {field: value}}), around), 3)
    if field in NEEDED:
        assert (row.keep, row.reasons, row.detail) == (True, (Reason.UNKNOWN_FIELD,), field)
    else:
        assert (row.keep, row.reasons) == (False, (Reason.NOT_KEPT,))
    assert row.size is None or field != "size"
    assert row.incremental is None or field != "is_incremental"


def test_an_incremental_of_unknown_kind_on_cinder_is_taken_at_its_worst() -> None:
    made = planned(rows_with(dict.fromkeys((0, 1), {"is_incremental": "false"})), ("cinder", True))
    assert row_of(made, 2).reasons == (Reason.CHAIN_BLOCKED,)
    assert selected(made) == {*ids(3, 4, 5)}


def test_an_owner_is_of_no_interest_if_no_project_is_known() -> None:
    made = planned(rows_with({3: {"os-bak-tenant-attr:tenant_id": 7}}), project_id=None)
    assert row_of(made, 3).reasons == (Reason.NOT_KEPT,)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(CASES)), min_size=1, max_size=4), st.sampled_from(SERVICES)
)
def test_odd_fields_select_nothing_that_would_stay_without_them(
    changed: list[tuple[int, tuple[str, Any]]], around: Around
) -> None:
    odd, without = rows_with({}), rows_with({})
    for number, (field, value) in changed:
        odd[number][field] = value
        without[number].pop(field, None)
    made, plain = (planned(rows, around) for rows in (odd, without))
    doubtful = {backup_id(number) for number, (field, _) in changed if field in NEVER_SHOWN}
    assert doubtful or selected(made) == selected(plain)
    assert doubtful.isdisjoint(selected(made))


def test_a_list_of_odd_rows_is_whole_and_in_order() -> None:
    backups = read(nightly(3, size="10"))
    assert [(backup.id, backup.created_at) for backup in backups] == [
        (backup_id(n), NOW - n * DAY - HOUR) for n in range(3)
    ]
