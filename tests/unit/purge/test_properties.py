"""The guarantees of a purge for any inventory. EXAMPLES sets the number of examples."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from hypothesis import assume, given, strategies as st

from tests.unit.purge import strategies as draw
from tests.unit.purge.strategies import DAY, NOW, OTHER_PROJECT, PROJECT, Record, inventory
from vbs_reaper.backups.backup import CSI_DESCRIPTION
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan
from vbs_reaper.purge.policy import PurgePolicy, read_policy
from vbs_reaper.timestamps import read_instant


@dataclass
class Project:
    """A policy, and the backups of a target to which it applies."""

    policy: PurgePolicy
    rows: list[Record]
    around: dict[str, Any]

    def plan(self, now: datetime = NOW, **around: object) -> Plan:
        return plan(self.policy, inventory(self.rows, **(self.around | around)), now)

    def selected(self, now: datetime = NOW) -> set[str]:
        return {row.id for row in self.plan(now).selected}

    def with_policy(self, part: str, **changes: object) -> "Project":
        document = msgspec.to_builtins(self.policy)
        changed = read_policy(document | {part: document[part] | changes})
        return Project(changed, self.rows, self.around)


def projects(by: st.SearchStrategy[PurgePolicy] | None = None, *, only_past: bool = True) -> st.SearchStrategy[Project]:
    chosen = draw.policies() if by is None else by
    return st.builds(Project, chosen, draw.records(only_past=only_past), draw.surroundings)


@draw.many
@given(projects(only_past=False))
def test_a_plan_is_a_partition_of_the_inventory_with_a_reason_for_each(project: Project) -> None:
    made = project.plan()
    assert Counter(row.id for row in made.backups) == Counter(row["id"] for row in project.rows)
    assert all(row.reasons for row in made.backups)
    assert {row.id for row in made.kept}.isdisjoint(row.id for row in made.selected)
    assert made.totals.kept + made.totals.selected == made.totals.backups == len(project.rows)


@draw.many
@given(projects())
def test_every_group_keeps_its_newest_available_copies(project: Project) -> None:
    copies = [row for row in project.plan().backups if row.is_copy]
    for group in {row.group for row in copies}:
        newest = [row for row in copies if row.group == group][: project.policy.guards.min_kept_per_group]
        assert all(row.keep for row in newest)


@draw.many
@given(projects())
def test_a_plan_that_no_guard_refuses_is_within_every_guard(project: Project) -> None:
    made, guards = project.plan(), project.policy.guards
    if made.exceeded:
        return
    losses = Counter(row.group for row in made.due)
    assert losses.total() <= guards.max_deletions
    assert losses.total() <= guards.max_fraction * made.totals.matched or max(losses.values()) == 1


def may_go(row: Record, project: Project) -> bool:
    """Return whether a backup may be deleted: owned, idle and not held, computed independently from its record."""
    around, by = project.around, project.policy.match
    metadata, description = row.get("metadata") or {}, row.get("description") or ""
    needed = ["volume_id", "status", "created_at", *(["metadata"] if around["with_metadata"] else [])]
    if any(row.get(field) is None for field in needed) or "name" not in row or "description" not in row:
        return False
    is_held = "[hold]" in (row["name"] or "") or "[hold]" in description or "hold" in metadata
    is_of_kubernetes = CSI_DESCRIPTION in description or any(key.startswith("cinder.csi") for key in metadata)
    is_foreign = around["project_id"] == PROJECT and row.get("os-bak-tenant-attr:tenant_id") == OTHER_PROJECT
    is_part = bool(row.get("parent_id")) or row.get("resource_type") == "OS::Nova::Server"
    expires = bool(row.get("expired_at")) and by.include_expiring is not True
    if is_held or is_of_kubernetes or is_foreign or is_part or expires:
        return False
    moment = read_instant(row["created_at"])
    statuses = ["available"] if by.status is msgspec.UNSET else by.status
    return (
        row["status"] in {"available", "error"} & {*statuses}
        and row.get("service_metadata") in {None, "", '{"ST": 0}', '{"ST": 4}'}
        and moment is not None
        and moment <= NOW
    )


@draw.many
@given(projects(only_past=False))
def test_never_a_held_foreign_busy_or_doubtful_backup(project: Project) -> None:
    selected = project.selected()
    for row in project.rows:
        assert row["id"] not in selected or may_go(row, project)


def needs(child: Record, parent: Record, rows: list[Record]) -> bool:
    """Return whether an incremental backup may depend on another: no usable full backup is between them."""
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


@draw.many
@given(projects())
def test_on_cinder_nothing_is_due_that_a_backup_which_stays_may_need(project: Project) -> None:
    due = {row.id for row in project.plan(service="cinder").due}
    stays = [row for row in project.rows if row["id"] not in due]
    for going in (row for row in project.rows if row["id"] in due):
        assert not any(needs(row, going, project.rows) for row in stays)


@draw.many
@given(projects(), draw.keep_rules())
def test_adding_a_keep_rule_never_removes_more(project: Project, more: dict[str, Any]) -> None:
    known = msgspec.to_builtins(project.policy.keep)
    added = {rule: value for rule, value in more.items() if rule not in known}
    assume(added)
    assert project.with_policy("keep", **added).selected() <= project.selected()


@draw.many
@given(projects(draw.policies(with_age=False)), st.sampled_from(["1h", "5d", "2m", "1y"]))
def test_older_than_only_spares(project: Project, age: str) -> None:
    assert project.with_policy("match", older_than=age).selected() <= project.selected()


@draw.many
@given(projects(), st.data())
def test_a_missing_field_never_selects_more(project: Project, data: st.DataObject) -> None:
    rows = project.rows
    assume(rows)
    position = data.draw(st.integers(0, len(rows) - 1))
    # Absent `has_dependent_backups` is no word about dependents; `data_timestamp` that no record has means an old API.
    # absent `service_metadata` means that no other service owns the backup, and an absent owner that none is stated
    kept = {"id", "service_metadata", "os-bak-tenant-attr:tenant_id", "has_dependent_backups", "expired_at"}
    if not project.around["with_metadata"]:
        kept |= {"metadata"}
    if not any("data_timestamp" in row for row in rows[:position] + rows[position + 1 :]):
        kept |= {"data_timestamp", "snapshot_id"}
    field = data.draw(st.sampled_from(sorted(set(rows[position]) - kept)))
    poorer = [dict(row) for row in rows]
    del poorer[position][field]
    assert Project(project.policy, poorer, project.around).selected() <= project.selected()


@draw.many
@given(projects(draw.policies(counts_only=True, with_age=False)), st.integers(1, 900))
def test_without_new_backups_no_later_day_selects_more(project: Project, days: int) -> None:
    assert project.selected(NOW + timedelta(days=days)) <= project.selected()


@draw.many
@given(
    draw.keep_rules(counts_only=True),
    draw.keep_rules(counts_only=True),
    draw.records(),
    draw.surroundings,
    st.lists(st.sampled_from(["good", "bad"]), min_size=1, max_size=6),
)
def test_what_a_wrong_policy_selects_is_kept_if_it_is_fixed_within_its_grace(
    good: dict[str, int], bad: dict[str, int], rows: list[Record], around: dict[str, Any], days: list[str]
) -> None:
    """One run a day; the wrong policy never lasts for its whole grace of seven days."""
    by = {"policy": "p", "match": {"name": "*"}}
    last: Plan | None = None
    left = list(rows)
    for day, chosen in enumerate(["good"] * 3 + days + ["good"] * 9):
        policy = read_policy(by | {"keep": good if chosen == "good" else bad, "grace": "7d"})
        last = plan(policy, inventory(left, **around), NOW + day * DAY, last=last)
        gone = {row.id for row in last.due}
        assert not gone or chosen == "good" or good == bad
        left = [row for row in left if row["id"] not in gone]
    right = Project(read_policy(by | {"keep": good}), rows, around)
    assert {row["id"] for row in rows} - {row["id"] for row in left} <= right.selected()


@draw.many
@given(projects(only_past=False), st.randoms(use_true_random=False))
def test_the_same_backups_in_any_order_give_the_same_bytes(project: Project, random: Random) -> None:
    written = encode_plan(project.plan())
    random.shuffle(project.rows)
    assert encode_plan(project.plan()) == written
    assert encode_plan(read_plan(written)) == written
