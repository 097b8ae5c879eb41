"""One field of an unexpected JSON type: ignored, or a wait of that one record; never a DELETE in doubt, or a halt."""

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from tests.unit.clouds.logins import read_answer
from tests.unit.clouds.odd_fields import CASES
from tests.unit.deletion.world import ASKED, ONE, PROJECT, THREE, TWO, VIEW, World, ask, record
from vbs_reaper.backups.answer import Operation, TargetInfo
from vbs_reaper.backups.identifiers import BackupId

V3 = TargetInfo(project_id=PROJECT, hold_marker="[hold]", shows_metadata=True, service="cinder")
OWNERS = {"os-bak-tenant-attr:tenant_id", "os-backup-project-attr:project_id"}
NEEDED = {"volume_id", "status", "created_at", "name", "description", "metadata"} | OWNERS
"""Before a DELETE; `id` is the backup itself."""
NEEDED_OF_SURVIVOR = {"status"} | OWNERS


def body(backup: BackupId, fields: dict[str, Any], view: TargetInfo = VIEW) -> str:
    full = record(backup) | ({"metadata": {}} if view.shows_metadata else {}) | fields
    return json.dumps({"backup": {name: value for name, value in full.items() if value != "left out"}})


def decide(body: str, view: TargetInfo = VIEW, *, shown: BackupId = ONE, **how: Any) -> tuple[str, str]:  # noqa: ANN401
    """Return the decision on a GET of a backup that is answered with this body, and its message."""
    world = World()
    world.cloud.view = view
    for each in (ONE, TWO, THREE):
        world.cloud.has(each, metadata={})
    answer = read_answer(Operation.SHOW_BACKUP, shown, 200, {}, body.encode(), world.clock())
    world.cloud.answers("show", shown, replace(answer, target=view))
    request = how.pop("request", ask(ONE) if shown == ONE else ask(ONE, shown))
    decision = world.process(request, **how)
    assert world.process(ask(THREE), "m-3") == "asked", "the other records go on"
    return decision, getattr(world.report.last("m-1"), "message", "")


@pytest.mark.parametrize("view", [VIEW, V3], ids=["v2", "v3"])
@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_backup_with_one_odd_field_is_deleted_or_waits_and_names_it(
    view: TargetInfo, field: str, value: object
) -> None:
    decision, message = decide(body(ONE, {field: value}, view), view)
    assert decision == ("wait unknown_field" if field in NEEDED else "asked")
    assert (f'"{field}"' in message) is (field in NEEDED)


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_survivor_with_an_odd_field_counts_only_if_its_status_and_owner_are_known(field: str, value: object) -> None:
    decision, message = decide(body(TWO, {field: value}), shown=TWO)
    assert decision == ("wait unknown_field" if field in NEEDED_OF_SURVIVOR else "asked")
    named = message.startswith(f'the answer about survivor {TWO} shows "{field}"')
    assert named is (field in NEEDED_OF_SURVIVOR)


@pytest.mark.parametrize(("field", "value"), CASES)
def test_an_odd_field_of_a_backup_that_is_deleting_does_not_matter(field: str, value: object) -> None:
    decision, _ = decide(body(ONE, {"status": "deleting", field: value}), attributes=ASKED)
    assert decision == ("wait unknown_field" if field == "status" else "wait deleting")


@given(
    case=st.sampled_from(CASES),
    view=st.sampled_from([VIEW, V3]),
    status=st.sampled_from(["available", "error", "deleting", "creating", "restoring", "error_deleting", "odd"]),
    attributes=st.sampled_from([{}, ASKED]),
    also=st.sampled_from(
        [
            {},
            {"description": "[hold]"},
            {"name": "x"},
            {"volume_id": "another"},
            {"os-bak-tenant-attr:tenant_id": "f" * 32},
            {"os-backup-project-attr:project_id": PROJECT},
        ]
    ),
    request=st.sampled_from(
        [
            ask(ONE),
            ask(ONE, TWO),
            ask(ONE, expect={"name": "daily", "created_at": "2026-11-20T02:00:00Z"}),
            ask(ONE, expires_at="2026-11-25T03:00:00Z"),
        ]
    ),
)
def test_an_odd_field_leads_to_the_decision_without_it_or_to_a_wait(  # noqa: PLR0913  # what a decision depends on
    case: tuple[str, object],
    view: TargetInfo,
    status: str,
    attributes: dict[str, str],
    also: dict[str, Any],
    request: dict[str, Any],
) -> None:
    field, value = case
    fields = {"status": status} | also
    decision, _ = decide(body(ONE, fields | {field: value}, view), view, attributes=attributes, request=request)
    without, _ = decide(body(ONE, fields | {field: "left out"}, view), view, attributes=attributes, request=request)
    assert not decision.startswith("halt")
    assert decision in {without, "wait unknown_field"}
    if field in NEEDED:
        assert decision not in {"asked", "wait deletion_failed", "wait accepted"}


def test_an_owner_that_is_shown_twice_is_refused_if_one_is_another_project() -> None:
    owners = {"os-bak-tenant-attr:tenant_id": 7, "os-backup-project-attr:project_id": "f" * 32}
    assert decide(body(ONE, owners))[0] == "refused not_owned"


# Keys that are shown twice


def doubled(backup: BackupId, field: str) -> str:
    """A response that shows a field twice."""
    text = body(backup, {**dict.fromkeys(OWNERS, PROJECT), "metadata": {}, "color": 1})
    first = json.dumps({field: record(backup).get(field)})[1:-1]
    return text.replace('{"backup": {', '{"backup": {' + first + ", ")


@pytest.mark.parametrize("field", sorted({*record(ONE), *NEEDED, "id", "color"}))
def test_a_needed_field_that_is_shown_twice_is_a_wait_that_names_it(field: str) -> None:
    is_needed = field in NEEDED | {"id"}
    expected = ("wait unknown_field", f'the answer shows "{field}" twice')
    assert decide(doubled(ONE, field)) == (expected if is_needed else ("asked", "the deletion is accepted"))


@pytest.mark.parametrize("field", sorted({*NEEDED_OF_SURVIVOR, "id", "name"}))
def test_a_needed_field_of_a_survivor_that_is_shown_twice_is_a_wait_that_names_it(field: str) -> None:
    expected = ("wait unknown_field", f'the answer about survivor {TWO} shows "{field}" twice')
    assert decide(doubled(TWO, field), shown=TWO) == (
        expected if field != "name" else ("asked", "the deletion is accepted")
    )


@pytest.mark.parametrize("second", [ONE, TWO])
def test_two_backups_in_one_response_are_a_wait(second: BackupId) -> None:
    first = json.dumps(record(ONE))
    text = f'{{"backup": {first}, "backup": {json.dumps(record(second))}}}'
    assert decide(text) == ("wait unknown_field", 'the answer shows "backup" twice')
