"""What a purge promises for any inventory. EXAMPLES sets how many each promise is tested with."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from hypothesis import assume, given, strategies as st

from tests.unit.purge.strategies import (
    NOW,
    OTHER_PROJECT,
    PROJECT,
    Record,
    inventory,
    keep_rules,
    many,
    policies,
    records,
    surroundings,
)
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.policy import PurgePolicy, read_policy
from vbs_reaper.timestamps import read_instant

CSI = "Created by OpenStack Cinder CSI driver"


def selected(policy: PurgePolicy, rows: list[Record], around: dict[str, Any], now: datetime = NOW) -> set[str]:
    return {row.id for row in plan(policy, inventory(rows, **around), now).selected}


def with_keep(policy: PurgePolicy, **rules: object) -> PurgePolicy:
    document = msgspec.to_builtins(policy)
    return read_policy({**document, "keep": {**document["keep"], **rules}})


@many
@given(policies(), records(only_past=False), surroundings)
def test_a_plan_is_a_partition_of_the_inventory_with_a_reason_for_each(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(policy, inventory(rows, **around), NOW)
    assert Counter(row.id for row in made.backups) == Counter(row["id"] for row in rows)
    assert all(row.reasons for row in made.backups)
    assert {row.id for row in made.kept}.isdisjoint(row.id for row in made.selected)
    assert made.totals.kept + made.totals.selected == made.totals.backups == len(rows)


@many
@given(policies(), records(), surroundings)
def test_every_group_keeps_its_newest_available_copies(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(policy, inventory(rows, **around), NOW)
    for group in {row.group for row in made.backups if row.is_copy}:
        copies = [row for row in made.backups if row.is_copy and row.group == group]
        newest = copies[: policy.guards.min_kept_per_group]
        assert all(row.keep for row in newest)


@many
@given(policies(), records(), surroundings)
def test_a_plan_that_no_guard_refuses_is_within_every_guard(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(policy, inventory(rows, **around), NOW)
    due = list(made.due)
    if made.exceeded:
        return
    assert len(due) <= policy.guards.max_deletions
    losses = Counter(row.group for row in due)
    assert len(due) <= policy.guards.max_fraction * made.totals.matched or max(losses.values()) == 1


def may_go(row: Record, around: dict[str, Any], policy: PurgePolicy) -> bool:
    """Whether a backup is provably ours, at rest and not held, told anew from the record itself."""
    needed = ["volume_id", "status", "created_at", *(["metadata"] if around["with_metadata"] else [])]
    if any(row.get(field) is None for field in needed) or "name" not in row or "description" not in row:
        return False
    if row["status"] not in {"available", "error"}:
        return False
    if any("[hold]" in (row[field] or "") for field in ("name", "description")) or "hold" in (
        row.get("metadata") or {}
    ):
        return False
    if CSI in (row["description"] or "") or any(key.startswith("cinder.csi") for key in row.get("metadata") or {}):
        return False
    if row.get("expired_at") and policy.match.include_expiring is not True:
        return False
    if around["project_id"] == PROJECT and row.get("os-bak-tenant-attr:tenant_id") == OTHER_PROJECT:
        return False
    if row.get("parent_id") or row.get("resource_type") == "OS::Nova::Server":
        return False
    moment = read_instant(row["created_at"])
    return moment is not None and moment <= NOW and row.get("service_metadata") in {None, "", '{"ST": 0}', '{"ST": 4}'}


@many
@given(policies(), records(only_past=False), surroundings)
def test_never_a_held_foreign_busy_or_doubtful_backup(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    by_id = {row["id"]: row for row in rows}
    for going in selected(policy, rows, around):
        assert may_go(by_id[going], around, policy)
        assert by_id[going]["status"] in (
            ["available"] if policy.match.status is msgspec.UNSET else policy.match.status
        )


def needs(child: Record, parent: Record, rows: list[Record]) -> bool:
    """Whether an incremental backup may stand on another: nothing usable and full lies between."""
    if child.get("is_incremental") is False or child is parent:
        return False
    if child.get("volume_id") is None:
        return True
    if parent.get("volume_id") != child["volume_id"]:
        return False
    if child.get("created_at") is None:
        return True
    if parent["created_at"] > child["created_at"]:
        return False
    return not any(
        row.get("volume_id") == child["volume_id"]
        and row.get("is_incremental") is False
        and row.get("status") == "available"
        and row.get("created_at")
        and parent["created_at"] < row["created_at"] < child["created_at"]
        for row in rows
    )


@many
@given(policies(), records(), surroundings)
def test_on_cinder_nothing_is_due_that_a_backup_which_stays_may_need(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any]
) -> None:
    made = plan(policy, inventory(rows, **{**around, "service": "cinder"}), NOW)
    by_id = {row["id"]: row for row in rows}
    due = {row.id for row in made.due}
    for going in due:
        assert not any(needs(by_id[row.id], by_id[going], rows) for row in made.backups if row.id not in due)


@many
@given(policies(), records(), surroundings, keep_rules())
def test_adding_a_keep_rule_never_removes_more(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any], more: dict[str, Any]
) -> None:
    known = msgspec.to_builtins(policy.keep)
    added = {rule: value for rule, value in more.items() if rule not in known}
    assume(added)
    assert selected(with_keep(policy, **added), rows, around) <= selected(policy, rows, around)


@many
@given(policies(with_age=False), records(), surroundings, st.sampled_from(["1h", "5d", "2m", "1y"]))
def test_older_than_only_spares(policy: PurgePolicy, rows: list[Record], around: dict[str, Any], age: str) -> None:
    document = msgspec.to_builtins(policy)
    older = read_policy({**document, "match": {**document["match"], "older_than": age}})
    assert selected(older, rows, around) <= selected(policy, rows, around)


@many
@given(policies(), records(), surroundings, st.data())
def test_dropping_a_field_from_the_answers_never_selects_more(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any], data: st.DataObject
) -> None:
    assume(rows)
    position = data.draw(st.integers(0, len(rows) - 1))
    # Absent `has_dependent_backups` is no word about dependents; `data_timestamp` that no record has means an old API.
    # absent `service_metadata` means that no other service owns the backup, and an absent owner that nobody says so
    droppable = sorted(
        set(rows[position])
        - {"id", "service_metadata", "os-bak-tenant-attr:tenant_id", "metadata", "has_dependent_backups", "expired_at"}
    )
    if around["with_metadata"] and "metadata" in rows[position]:
        droppable.append("metadata")
    if not any("data_timestamp" in row for row in rows[:position] + rows[position + 1 :]):
        droppable = [field for field in droppable if field not in {"data_timestamp", "snapshot_id"}]
    field = data.draw(st.sampled_from(droppable))
    poorer = [dict(row) for row in rows]
    del poorer[position][field]
    assert selected(policy, poorer, around) <= selected(policy, rows, around)


@many
@given(policies(counts_only=True, with_age=False), records(), surroundings, st.integers(1, 900))
def test_without_new_backups_no_later_day_selects_more(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any], days: int
) -> None:
    later = selected(policy, rows, around, NOW + timedelta(days=days))
    assert later <= selected(policy, rows, around)


@many
@given(
    keep_rules(counts_only=True),
    keep_rules(counts_only=True),
    records(),
    surroundings,
    st.lists(st.sampled_from(["good", "bad"]), min_size=1, max_size=6),
)
def test_what_a_wrong_policy_selects_survives_when_it_is_mended_within_its_grace(
    good: dict[str, int], bad: dict[str, int], rows: list[Record], around: dict[str, Any], days: list[str]
) -> None:
    """One run a day; the wrong policy never stands for its whole grace of seven days."""
    last: Plan | None = None
    left = list(rows)
    for day, chosen in enumerate(["good"] * 3 + days + ["good"] * 9):
        keep = good if chosen == "good" else bad
        policy = read_policy({"policy": "p", "match": {"name": "*"}, "keep": keep, "grace": "7d"})
        last = plan(policy, inventory(left, **around), NOW + timedelta(days=day), last=last)
        gone = {row.id for row in last.due}
        assert not gone or chosen == "good" or good == bad
        left = [row for row in left if row["id"] not in gone]
    right = read_policy({"policy": "p", "match": {"name": "*"}, "keep": good})
    assert {row["id"] for row in rows} - {row["id"] for row in left} <= selected(right, rows, around)


@many
@given(policies(), records(only_past=False), surroundings, st.randoms(use_true_random=False))
def test_the_same_backups_in_any_order_give_the_same_bytes(
    policy: PurgePolicy, rows: list[Record], around: dict[str, Any], random: Random
) -> None:
    written = encode_plan(plan(policy, inventory(rows, **around), NOW))
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert encode_plan(plan(policy, inventory(shuffled, **around), NOW)) == written
    assert encode_plan(read_plan(written)) == written
