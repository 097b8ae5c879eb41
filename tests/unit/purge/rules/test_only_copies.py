"""A run that would delete the only copy of a volume is refused, and the plan names the volumes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from tests.support.cases import cases
from tests.unit.purge import strategies as draw
from tests.unit.purge.purge_world import World, assert_refused, previewed, target
from tests.unit.purge.strategies import DAY, HOUR, NOW, PROJECT, Record, backup_id, ids, inventory, record
from vbs_reaper.backups.answer import Service
from vbs_reaper.backups.backup import CSI_DESCRIPTION
from vbs_reaper.purge.plan import Plan, is_consistent, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.policy import PurgePolicy, read_policy
from vbs_reaper.purge.rules.only_copies import volumes_left_without

BY_NAME: dict[str, Any] = {"keep": {"last": 30}, "group_by": "name"}


def volume(number: int) -> str:
    return backup_id(10**9 + number)


def copy(number: int, of: int, days: int, **fields: object) -> Record:
    """Another backup of a volume; all backups of these tests have the same name."""
    return record(number, age=days * DAY, name="daily", volume_id=volume(of), **fields)


def one_copy_of_each(volumes: int) -> list[Record]:
    return [record(n, age=n * DAY + HOUR, name="daily", volume_id=volume(n)) for n in range(volumes)]


def made(rows: list[Record], **parts: object) -> Plan:
    return plan(read_policy({"policy": "p", "match": {"name": "*"}} | BY_NAME | parts), inventory(rows), NOW)


# ── The guard ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_run_that_would_delete_the_only_copies_of_volumes_is_refused_by_default() -> None:
    world = World(one_copy_of_each(40))
    words = "10 volumes would be left without a copy, max_volumes_left_without 0 allows only 0"
    assert_refused(world, world.run(**BY_NAME), "guard_exceeded", words)
    assert is_consistent(world.stored_plan())


@pytest.mark.parametrize(
    ("volumes", "begins", "named", "ends"),
    [
        (32, f"2 volumes would be left without a usable backup: {volume(30)}, {volume(31)}. Keep more", 31, ""),
        (45, "15 volumes", 39, " and 5 more. "),
    ],
)
def test_warning_names_the_volumes_and_what_to_do(volumes: int, begins: str, named: int, ends: str) -> None:
    (warning,) = (each for each in made(one_copy_of_each(volumes)).warnings if "left without" in each)
    assert warning.startswith(begins)
    assert "max_volumes_left_without" in warning
    assert volume(named) in warning
    assert volume(named + 1) not in warning
    assert ends in warning


@pytest.mark.parametrize(("allowed", "exceeded"), [(0, True), (9, True), (10, False)])
def test_guard_allows_as_many_volumes_as_it_says(allowed: int, *, exceeded: bool) -> None:
    found = made(one_copy_of_each(40), guards={"max_volumes_left_without": allowed})
    assert [guard.guard for guard in found.exceeded] == ["max_volumes_left_without"] * exceeded
    assert any("left without" in warning for warning in found.warnings) is exceeded


@pytest.mark.parametrize(
    ("rows", "parts", "due", "left_without"),
    cases(
        {
            "a volume that keeps a copy": ([*one_copy_of_each(30), copy(99, 0, 99)], {}, 1, 0),
            "a failed copy is none": ([*one_copy_of_each(31), copy(99, 30, 1, status="error")], {}, 1, 1),
            "a copy of Kubernetes is none": (
                [*one_copy_of_each(31), copy(99, 30, 1, description=CSI_DESCRIPTION)],
                {},
                1,
                1,
            ),
            "failed copies of a volume without any": (
                [row | {"status": "error"} for row in one_copy_of_each(3)],
                {"match": {"status": "error"}, "guards": {"max_fraction": 1}},
                3,
                0,
            ),
        }
    ),
)
def test_which_volumes_are_left_without_a_copy(
    rows: list[Record], parts: dict[str, Any], due: int, left_without: int
) -> None:
    found = made(rows, **parts)
    assert [guard.due for guard in found.guards] == [due, due, left_without]
    assert len(found.exceeded) == len(found.warnings) == left_without


def test_plan_with_groups_by_volume_has_no_reading_of_it() -> None:
    found = made(one_copy_of_each(3), group_by="volume")
    assert [guard.guard for guard in found.guards] == ["max_deletions", "max_fraction"]


def test_backup_in_its_grace_still_counts_as_a_copy() -> None:
    assert made(one_copy_of_each(40), grace="7d").guards[2].due == 0


def test_request_names_the_copy_in_its_grace_that_is_the_last_one_of_the_volume() -> None:
    """The guard counts it as a copy. If others delete it before this request is carried out, none would be left."""
    by_name = BY_NAME | {"match": {"name": "*"}, "keep": {"last": 1}, "grace": "24h"}
    weekly = {"name": "weekly"}
    world = World([copy(1, 0, 1), copy(2, 1, 3) | weekly, copy(3, 1, 5)])
    world.run(**by_name)
    world.wait(days=1)
    world.cloud.records = [copy(0, 0, 0), copy(4, 2, 0) | weekly, *world.cloud.records]
    world.run("2026-11-26T03:00:00Z", **by_name)
    (request,) = (each for each in world.queue.requests if each["backup_id"] == backup_id(3))
    assert request["expect"]["survivors"] == ids(0, 2)


@draw.many
@given(draw.policies(), draw.records())
def test_plan_that_no_guard_refuses_leaves_no_volume_without_a_copy(by: PurgePolicy, rows: list[Record]) -> None:
    found = plan(by, inventory(rows), NOW)
    if found.exceeded:
        return
    due = {row.id for row in found.due}
    copies = [row for row in found.backups if row.is_copy]
    assert {row.volume_id for row in copies} == {row.volume_id for row in copies if row.id not in due}
    assert is_consistent(read_plan(encode_plan(found)))


# ── Approvals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("include_grace", [False, True])
def test_approval_accepts_the_volumes_that_the_plan_showed(*, include_grace: bool) -> None:
    world = World(one_copy_of_each(32))
    sha256 = previewed(world, **BY_NAME)
    assert world.approve(sha256, include_grace=include_grace)["requested"] == 2


def test_approval_with_grace_leaves_out_the_only_copies_that_the_plan_did_not_show() -> None:
    """The guard of the plan counts only what is due, and nothing is."""
    world = World([*one_copy_of_each(32), copy(100, 31, 50)])
    sha256 = previewed(world, **BY_NAME, grace="7d")
    assert world.document()["guards"][2]["due"] == 0
    answer = world.approve(sha256, include_grace=True)
    assert world.queue.ids == ids(100)
    assert answer["left_out"]["backups"] == tuple({"id": each, "reason": "only_copy"} for each in ids(30, 31))
    assert ids(31)[0] in world.queue.requests[0]["expect"]["survivors"], "number 100 stays if number 31 is lost"


@pytest.mark.parametrize("service", ["vbs", "cinder"])
@pytest.mark.parametrize("is_held", [False, True])
def test_approval_names_the_newest_copy_that_its_volume_keeps_or_that_only_the_fresh_plan_selects(
    service: Service, *, is_held: bool
) -> None:
    by_name = BY_NAME | {"match": {"name": "*"}, "keep": {"last": 2}}
    held = copy(4, 1, 4, description="[hold]" if is_held else None, is_incremental=False)
    world = World([copy(number, of, number, is_incremental=False) for number, of in [(1, 0), (2, 1), (3, 1)]] + [held])
    world.cloud.view = target(service=service)
    sha256 = previewed(world, **by_name)
    world.cloud.records.append(copy(0, 0, 0, is_incremental=False))
    world.approve(sha256)
    (request,) = (each for each in world.queue.requests if each["backup_id"] == backup_id(3))
    assert request["expect"]["survivors"] == ids(0, 4 if is_held else 2), "number 2 is not approved"


@pytest.mark.parametrize(
    ("rows", "sent", "left_out"),
    cases(
        {
            "the copy that became the only one": (
                [*one_copy_of_each(30), copy(100, 0, 50, description="x"), copy(101, 1, 51)],
                [101],
                [100],
            ),
            "of several the newest": ([*one_copy_of_each(30), copy(100, 0, 50), copy(101, 0, 51)], [101], [100]),
            "not those that the plan showed": ([*one_copy_of_each(32), copy(100, 0, 50)], [30, 31], [100]),
        }
    ),
)
@pytest.mark.parametrize("is_approved", [True, False], ids=["approval", "late repeat"])
def test_only_copies_that_the_plan_did_not_show_are_left_out(
    rows: list[Record], sent: list[int], left_out: list[int], *, is_approved: bool
) -> None:
    """After the plan, the newest copy of volume 0 is deleted and a copy of another volume added."""
    world = World(rows)
    allowed = BY_NAME | {"guards": {"max_volumes_left_without": 2, "max_fraction": 1}}
    if is_approved:
        sha256 = previewed(world, **BY_NAME)
    else:
        world.interrupt(**allowed)
        world.wait(3601)
    world.cloud.records = [*rows[1:], copy(200, 200, 0)]
    answer = world.approve(sha256) if is_approved else world.run(**allowed)
    assert {*world.queue.ids} == {*ids(*sent)}
    assert answer["left_out"]["backups"] == tuple({"id": each, "reason": "only_copy"} for each in ids(*left_out))
    assert "1 only_copy (The plan did not show that it is the last usable copy of its volume)" in answer["message"]


def test_on_cinder_what_a_copy_needs_that_became_the_only_one_is_left_out_too() -> None:
    rows = [row | {"is_incremental": False} for row in one_copy_of_each(30)]
    rows += [copy(100, 0, 50, is_incremental=True), copy(101, 0, 60, is_incremental=False)]
    world = World(rows)
    world.cloud.view = target(service="cinder")
    sha256 = previewed(world, **BY_NAME)
    assert len(world.due()) == 2
    world.cloud.records = [*rows[1:], copy(200, 200, 0, is_incremental=False)]
    answer = world.approve(sha256)
    assert (answer["requested"], answer["left_out"]["reasons"]) == (0, {"chain_blocked": 1, "only_copy": 1})


@draw.many
@given(draw.policies(), draw.records(), st.data(), st.booleans())
def test_approval_leaves_no_volume_without_a_copy_that_its_plan_did_not_show(
    by: PurgePolicy, rows: list[Record], data: st.DataObject, with_grace: bool
) -> None:
    guards = {"max_fraction": 1, "max_deletions": 999, "max_volumes_left_without": 99}
    document = msgspec.to_builtins(by) | {"target": "otc-prod", "mode": "preview", "guards": guards}
    world = World(rows)
    shown = world.handle({"run": document, "scheduled_time": "2026-11-25T03:00:00Z"})
    if shown["outcome"] == "refused":
        return
    due = set(world.due())
    gone = data.draw(st.sets(st.sampled_from([row["id"] for row in rows]))) if rows else set()
    world.cloud.records = [row for row in rows if row["id"] not in gone]
    world.approve(shown["plan"], include_grace=with_grace)

    def left_without(listed: list[Record], deleted: set[str]) -> set[str]:
        before = plan(read_policy(document), inventory(listed, project_id=PROJECT), NOW)
        return set(volumes_left_without(before.backups, lambda row: row.id in deleted))

    assert left_without(world.cloud.records, set(world.queue.ids)) <= left_without(rows, due)
