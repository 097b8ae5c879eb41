"""Chains as Cinder builds them: the parent is the backup with the latest data, not the one that was made last."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.strategies import NOW, Record, backup_id, inventory, keep_rules, policy
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.reasons import Reason

HOUR = timedelta(hours=1)


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


@dataclass
class Volume:
    """A volume whose incremental backups get their parents as Cinder 29 chooses them (`cinder/backup/api.py`)."""

    now: datetime = NOW - timedelta(days=20)
    snapshots: list[datetime] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)

    def snapshot(self) -> datetime:
        """Take a snapshot an hour later."""
        self.now += HOUR
        self.snapshots.append(self.now)
        return self.now

    def back_up(self, *, incremental: bool = False, of: datetime | None = None) -> str:
        """Back the volume up an hour later, or a snapshot of it."""
        self.now += HOUR
        number = len(self.rows) + 1
        row: Record = {
            "id": backup_id(number),
            "volume_id": backup_id(10**9),
            "status": "available",
            "created_at": text(self.now),
            "name": f"daily-{number}",
            "description": None,
            "size": 10,
            "snapshot_id": None if of is None else backup_id(2 * 10**9 + self.snapshots.index(of)),
            "data_timestamp": text(self.now if of is None else of),
            "is_incremental": False,
            "has_dependent_backups": False,
        }
        parent = self._parent(of) if incremental else None
        if parent is not None:
            row["is_incremental"] = parent["has_dependent_backups"] = True
            self.parents[row["id"]] = parent["id"]
        self.rows.append(row)
        return str(row["id"])

    def _parent(self, of: datetime | None) -> Record | None:
        fits = [
            row
            for row in self.rows
            if row["status"] == "available" and (of is None or row["data_timestamp"] < text(of))
        ]
        if fits:
            return max(fits, key=lambda row: str(row["data_timestamp"]))
        return self.rows[0] if self.rows and self.rows[0]["status"] == "available" else None

    def plan(self, **parts: object) -> Plan:
        """What a policy decides on it now."""
        return plan(policy(**parts), inventory(self.rows, service="cinder"), NOW)

    def refused(self, made: Plan) -> set[str]:
        """What the plan calls due and Cinder does not delete, because a backup that is not due depends on it."""
        due = {row.id for row in made.due}
        return {parent for child, parent in self.parents.items() if parent in due and child not in due}


def test_a_full_backup_of_an_older_snapshot_does_not_hide_the_one_that_an_incremental_builds_on() -> None:
    volume = Volume()
    volume.back_up()
    old = volume.snapshot()
    base = volume.back_up()
    volume.back_up(of=old)
    child = volume.back_up(incremental=True)
    assert volume.parents == {child: base}
    made = volume.plan(keep={"last": 1})
    assert not volume.refused(made)
    assert {row.id: row.reasons for row in made.kept}[base] == (Reason.CHAIN_BLOCKED,)


def test_an_incremental_of_an_older_snapshot_builds_on_what_was_there_before_the_snapshot() -> None:
    volume = Volume()
    base = volume.back_up()
    old = volume.snapshot()
    volume.back_up()
    child = volume.back_up(incremental=True, of=old)
    assert volume.parents == {child: base}
    assert not volume.refused(volume.plan(keep={"last": 1}))


def test_what_the_order_of_creation_says_is_needed_stays_too() -> None:
    """The chain of a kept incremental as before: back to the full backup that was made before it."""
    volume = Volume()
    first = volume.back_up()
    old = volume.snapshot()
    volume.back_up()
    volume.back_up(of=old)
    volume.back_up(incremental=True)
    kept = {row.id: row.reasons for row in volume.plan(keep={"last": 1}).kept}
    assert kept[backup_id(3)] == (Reason.CHAIN_BLOCKED,)
    assert first not in kept


def test_nightly_backups_of_snapshots_chain_like_those_of_the_volume() -> None:
    volume, plain = Volume(), Volume()
    for number in range(9):
        is_incremental = number % 4 != 0
        volume.back_up(incremental=is_incremental, of=volume.snapshot())
        plain.snapshot()
        plain.back_up(incremental=is_incremental)
    made = volume.plan(keep={"last": 1})
    assert (
        [row.id for row in made.due]
        == [row.id for row in plain.plan(keep={"last": 1}).due]
        == [backup_id(number) for number in (8, 7, 6, 5, 4, 3, 2, 1)]
    )


@pytest.mark.parametrize("odd", [None, 7, "soon", {"a": 1}, ""])
def test_without_a_readable_data_time_a_full_backup_of_a_snapshot_ends_no_chain(odd: object) -> None:
    volume = Volume()
    first = volume.back_up()
    volume.back_up(of=volume.snapshot())
    volume.back_up(incremental=True)
    assert first in {row.id for row in volume.plan(keep={"last": 1}).due}
    volume.rows[1]["data_timestamp"] = odd
    assert first not in {row.id for row in volume.plan(keep={"last": 1}).due}


def test_without_a_readable_data_time_an_incremental_may_need_everything_before_it() -> None:
    volume = Volume()
    first = volume.back_up()
    volume.back_up()
    volume.back_up(incremental=True, of=volume.snapshot())
    del volume.rows[2]["data_timestamp"]
    assert first not in {row.id for row in volume.plan(keep={"last": 1}).due}


def test_a_data_time_that_only_some_records_lack_is_unknown_in_those() -> None:
    volume = Volume()
    first = volume.back_up()
    volume.back_up()
    volume.back_up(incremental=True)
    del volume.rows[1]["data_timestamp"]
    assert first not in {row.id for row in volume.plan(keep={"last": 1}).due}


def test_a_backup_of_a_snapshot_without_a_data_time_ends_no_chain_on_any_cloud() -> None:
    volume = Volume()
    first = volume.back_up()
    volume.back_up(of=volume.snapshot())
    volume.back_up(incremental=True)
    for row in volume.rows:
        del row["data_timestamp"]
    assert first not in {row.id for row in volume.plan(keep={"last": 1}).due}


def test_a_cloud_that_never_shows_data_times_is_read_by_creation() -> None:
    volume = Volume()
    first = volume.back_up()
    volume.back_up()
    volume.back_up(incremental=True)
    for row in volume.rows:
        del row["data_timestamp"], row["snapshot_id"], row["has_dependent_backups"]
    assert first in {row.id for row in volume.plan(keep={"last": 1}).due}


def test_a_backup_with_dependents_of_which_none_goes_stays() -> None:
    """A full backup was still being made when the incremental chose its parent: only Cinder knows that."""
    volume = Volume()
    base = volume.back_up()
    volume.back_up()
    volume.rows[1]["status"] = "creating"
    child = volume.back_up(incremental=True)
    volume.rows[1]["status"] = "available"
    assert volume.parents == {child: base}
    made = volume.plan(keep={"last": 1})
    assert not volume.refused(made)
    assert {row.id: row.reasons for row in made.kept}[base] == (Reason.CHAIN_BLOCKED,)


def test_a_backup_with_dependents_goes_together_with_them() -> None:
    volume = Volume()
    old = [volume.back_up(incremental=number > 0) for number in range(4)]
    volume.back_up()
    assert {row.id for row in volume.plan(keep={"last": 1}).due} == set(old)


@pytest.mark.parametrize("odd", [None, "true", 1, [], {}])
def test_whatever_else_stands_for_dependents_is_no_word_about_them(odd: object) -> None:
    volume = Volume()
    volume.back_up()
    volume.back_up()
    volume.rows[0]["has_dependent_backups"] = odd
    assert [row.id for row in volume.plan(keep={"last": 1}).due] == [backup_id(1)]


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    """Full and incremental backups of a volume and of its snapshots, old and new; some failed later."""
    volume = Volume()
    for deed in draw(
        st.lists(st.sampled_from(["snapshot", "full", "full", "incremental", "incremental"]), max_size=14)
    ):
        if deed == "snapshot":
            volume.snapshot()
            continue
        of = draw(st.sampled_from([None, *volume.snapshots]))
        volume.back_up(incremental=deed == "incremental", of=of)
    for row in draw(st.lists(st.sampled_from(volume.rows), max_size=2)) if volume.rows else []:
        row["status"] = "error"
    return volume


@given(volumes(), keep_rules(counts_only=True), st.booleans())
def test_nothing_is_due_that_cinder_does_not_delete_because_of_a_backup_which_stays(
    volume: Volume, keep: dict[str, int], shows_dependents: bool
) -> None:
    for row in volume.rows:
        row["has_dependent_backups"] = row["has_dependent_backups"] and shows_dependents
    for status in (["available"], ["available", "error"]):
        assert not volume.refused(volume.plan(keep=keep, match={"name": "*", "status": status}))


@given(volumes(), st.integers(1, 3), st.data())
def test_nothing_is_due_before_what_builds_on_it(volume: Volume, last: int, data: st.DataObject) -> None:
    """Two days ago some of the backups were selected already: their grace ends earlier."""
    chosen = policy(keep={"last": last}, grace="3d")
    known = volume.rows[: data.draw(st.integers(0, len(volume.rows)))]
    before = plan(chosen, inventory(known, service="cinder"), NOW - timedelta(days=2))
    made = plan(chosen, inventory(volume.rows, service="cinder"), NOW, last=before)
    due_at = {row.id: row.due_at for row in made.backups}
    for child, parent in volume.parents.items():
        child_due, parent_due = due_at[child], due_at[parent]
        assert parent_due is None or (child_due is not None and child_due <= parent_due)
