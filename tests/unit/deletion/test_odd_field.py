"""One field of an unexpected JSON type: ignored, or a wait of that one record; never a DELETE in doubt, or a halt."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.clouds.logins import read_answer
from tests.unit.clouds.odd_fields import CASES
from tests.unit.deletion.world import PROJECT, VIEW, World, backup_id, record
from vbs_reaper.backups.answer import Answer, Operation, TargetInfo
from vbs_reaper.backups.identifiers import BackupId
from vbs_reaper.deletion.decision import Asked, Decision, Halt, Wait
from vbs_reaper.reasons import Reason

ONE, TWO, THREE = (backup_id(number) for number in (1, 2, 3))
V3 = TargetInfo(project_id=PROJECT, hold_marker="[hold]", shows_metadata=True, service="cinder")
OWNERS = {"os-bak-tenant-attr:tenant_id", "os-backup-project-attr:project_id"}
NEEDED = {"volume_id", "status", "created_at", "name", "description", "metadata"} | OWNERS
"""Before a DELETE; `id` is the backup itself."""


def shown(world: World, backup: BackupId, view: TargetInfo, fields: dict[str, Any]) -> Answer:
    """A look as it comes over the wire."""
    full = record(backup) | ({"metadata": {}} if view.shows_metadata else {}) | fields
    body = json.dumps({"backup": {name: value for name, value in full.items() if value != "left out"}}).encode()
    return replace(read_answer(Operation.SHOW_BACKUP, backup, 200, {}, body, world.clock()), target=view)


def decide(view: TargetInfo, fields: dict[str, Any], *, asked: bool = False, **request: object) -> Decision:
    world = World()
    world.cloud.view = view
    for each in (ONE, TWO, THREE):
        world.cloud.has(each, metadata={})
    world.cloud.answers("show", ONE, shown(world, ONE, view, fields))
    attributes = {"asked_at": "2026-11-25T03:00:00+00:00"} if asked else {}
    others = [world.message({"backup_id": each}, f"m-{each}") for each in (TWO, THREE)]
    world.deliver(world.message({"backup_id": ONE, **request}, attributes=attributes), *others)
    for each in (TWO, THREE):
        assert isinstance(world.report.last(f"m-{each}"), Asked), "the other records go on"
    return world.report.last("m-1")


def kind(decision: Decision) -> tuple[type, object]:
    return type(decision), getattr(decision, "reason", None)


@pytest.mark.parametrize("view", [VIEW, V3], ids=["v2", "v3"])
@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_backup_with_one_odd_field_is_deleted_or_waits_and_names_it(
    view: TargetInfo, field: str, value: object
) -> None:
    decision = decide(view, {field: value})
    if field not in NEEDED:
        assert isinstance(decision, Asked)
    else:
        assert isinstance(decision, Wait)
        assert decision.reason is Reason.UNKNOWN_FIELD
        assert f'"{field}"' in decision.message


@given(
    case=st.sampled_from(CASES),
    view=st.sampled_from([VIEW, V3]),
    status=st.sampled_from(["available", "error", "deleting", "creating", "restoring", "error_deleting", "odd"]),
    asked=st.booleans(),
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
            {},
            {"expect": {"name": "daily", "created_at": "2026-11-20T02:00:00Z"}},
            {"expect": {"survivors": [TWO]}},
            {"expires_at": "2026-11-25T03:00:00Z"},
        ]
    ),
)
def test_an_odd_field_leads_to_the_decision_without_it_or_to_a_wait(  # noqa: PLR0913  # what a decision depends on
    case: tuple[str, object],
    view: TargetInfo,
    status: str,
    asked: bool,  # noqa: FBT001
    also: dict[str, Any],
    request: dict[str, Any],
) -> None:
    field, value = case
    fields = {"status": status} | also | {field: value}
    decision = decide(view, fields, asked=asked, **request)
    without = decide(view, fields | {field: "left out"}, asked=asked, **request)
    assert not isinstance(decision, Halt)
    assert kind(decision) in {kind(without), (Wait, Reason.UNKNOWN_FIELD)}
    if field in NEEDED:
        assert kind(decision) not in {(Asked, None), (Wait, Reason.DELETION_FAILED), (Wait, Reason.ACCEPTED)}


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_survivor_with_an_odd_field_counts_only_if_its_status_and_owner_are_known(field: str, value: object) -> None:
    world = World()
    world.cloud.has(ONE)
    world.cloud.answers("show", TWO, shown(world, TWO, VIEW, {field: value}))
    world.deliver(world.message({"backup_id": ONE, "expect": {"survivors": [TWO]}}))
    decision = world.report.last("m-1")
    if field in {"status"} | OWNERS:
        assert isinstance(decision, Wait)
        assert decision.reason is Reason.UNKNOWN_FIELD
        assert f'"{field}"' in decision.message
        assert TWO in decision.message
    else:
        assert isinstance(decision, Asked)


def test_an_owner_that_is_shown_twice_is_refused_if_one_is_another_project() -> None:
    owners = {"os-bak-tenant-attr:tenant_id": 7, "os-backup-project-attr:project_id": "f" * 32}
    assert kind(decide(VIEW, owners))[1] is Reason.NOT_OWNED


def test_an_odd_field_in_a_deleting_backup_is_of_no_interest() -> None:
    for field, value in CASES:
        wanted = Reason.UNKNOWN_FIELD if field == "status" else Reason.DELETING
        assert kind(decide(VIEW, {"status": "deleting", field: value}, asked=True)) == (Wait, wanted)


def decide_on_body(body: str, *, as_survivor: bool = False) -> Decision:
    """The decision on a look with exactly this body."""
    world = World()
    world.cloud.has(ONE)
    backup = TWO if as_survivor else ONE
    look = read_answer(Operation.SHOW_BACKUP, backup, 200, {}, body.encode(), world.clock())
    world.cloud.answers("show", backup, replace(look, target=VIEW))
    request: dict[str, Any] = {"backup_id": ONE} | ({"expect": {"survivors": [TWO]}} if as_survivor else {})
    world.deliver(world.message(request))
    return world.report.last("m-1")


def doubled(backup: BackupId, field: str) -> str:
    """A look that shows a field twice."""
    text = json.dumps({"backup": record(backup) | dict.fromkeys(OWNERS, PROJECT) | {"metadata": {}}})
    first = json.dumps({field: record(backup).get(field)})[1:-1]
    return text.replace('{"backup": {', '{"backup": {' + first + ", ")


@pytest.mark.parametrize("field", sorted({*record(ONE), *NEEDED, "id", "colour"}))
def test_a_needed_field_that_a_look_shows_twice_is_a_wait_that_names_it(field: str) -> None:
    text = doubled(ONE, field)
    decision = decide_on_body(text if field != "colour" else text.replace('"colour"', '"colour": 1, "colour"'))
    if field in NEEDED | {"id"}:
        assert isinstance(decision, Wait)
        assert (decision.reason, decision.message) == (Reason.UNKNOWN_FIELD, f'the answer shows "{field}" twice')
    else:
        assert isinstance(decision, Asked)


@pytest.mark.parametrize("field", sorted({"id", "status", "name", *OWNERS}))
def test_a_survivor_that_is_shown_twice_is_a_wait_that_names_it(field: str) -> None:
    decision = decide_on_body(doubled(TWO, field), as_survivor=True)
    if field == "name":
        assert isinstance(decision, Asked)
    else:
        assert isinstance(decision, Wait)
        assert decision.reason is Reason.UNKNOWN_FIELD
        assert decision.message == f'the answer about survivor {TWO} shows "{field}" twice'


def test_two_backups_in_one_look_are_a_wait() -> None:
    one, two = (json.dumps(record(each)) for each in (ONE, TWO))
    for text in (f'{{"backup": {one}, "backup": {two}}}', f'{{"backup": {one}, "backup": {one}}}'):
        decision = decide_on_body(text)
        assert isinstance(decision, Wait)
        assert (decision.reason, decision.message) == (Reason.UNKNOWN_FIELD, 'the answer shows "backup" twice')
