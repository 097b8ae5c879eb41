"""Chains as Cinder builds them: the parent is the backup with the latest data, not the one that was made last."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.support.cases import cases
from tests.unit.purge.strategies import DAY, HOUR, NOW, Record, backup_id, ids, keep_rules, make_plan, record
from vbs_reaper.purge.plan import Plan
from vbs_reaper.reasons import Reason


def text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


@dataclass
class Volume:
    """A volume whose incremental backups get their parents as Cinder 29 chooses them (`cinder/backup/api.py`)."""

    now: datetime = NOW - 20 * DAY
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
        row = record(
            number,
            age=NOW - self.now,
            snapshot_id=None if of is None else backup_id(2 * 10**9 + self.snapshots.index(of)),
            data_timestamp=text(self.now if of is None else of),
            is_incremental=False,
            has_dependent_backups=False,
        )
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

    def due(self, **parts: object) -> list[str]:
        """What a policy that keeps one backup calls due now."""
        return [row.id for row in self.plan(**parts).due]

    def plan(self, **parts: Any) -> Plan:  # noqa: ANN401  # parts of a policy
        return make_plan(self.rows, service="cinder", **({"keep": {"last": 1}} | parts))

    def refused(self, made: Plan) -> set[str]:
        """What the plan calls due and Cinder does not delete, because a backup that is not due depends on it."""
        due = {row.id for row in made.due}
        return {parent for child, parent in self.parents.items() if parent in due and child not in due}

    def assert_blocks(self, number: int) -> None:
        """A plan keeps a backup because of its chain, and Cinder deletes all that is due."""
        made = self.plan()
        assert not self.refused(made)
        assert {row.id: row.reasons for row in made.kept}[backup_id(number)] == (Reason.CHAIN_BLOCKED,)


@pytest.fixture
def volume() -> Volume:
    return Volume()


def test_a_full_backup_of_an_older_snapshot_does_not_hide_the_one_that_an_incremental_builds_on(volume: Volume) -> None:
    volume.back_up()
    old = volume.snapshot()
    base = volume.back_up()
    volume.back_up(of=old)
    child = volume.back_up(incremental=True)
    assert volume.parents == {child: base}
    volume.assert_blocks(2)
    # What the order of creation says is needed stays too: back to the full backup that was made before it.
    volume.assert_blocks(3)
    assert backup_id(1) in volume.due()


def test_an_incremental_of_an_older_snapshot_builds_on_what_was_there_before_the_snapshot(volume: Volume) -> None:
    base = volume.back_up()
    old = volume.snapshot()
    volume.back_up()
    child = volume.back_up(incremental=True, of=old)
    assert volume.parents == {child: base}
    volume.assert_blocks(1)


def test_a_backup_with_dependents_of_which_none_goes_stays(volume: Volume) -> None:
    """A full backup was still being made when the incremental chose its parent: only Cinder knows that."""
    base = volume.back_up()
    volume.back_up()
    volume.rows[1]["status"] = "creating"
    child = volume.back_up(incremental=True)
    volume.rows[1]["status"] = "available"
    assert volume.parents == {child: base}
    volume.assert_blocks(1)


def test_a_backup_with_dependents_goes_together_with_them(volume: Volume) -> None:
    old = [volume.back_up(incremental=number > 0) for number in range(4)]
    volume.back_up()
    assert {*volume.due()} == set(old)


def test_nightly_backups_of_snapshots_chain_like_those_of_the_volume(volume: Volume) -> None:
    plain = Volume()
    for number in range(9):
        volume.back_up(incremental=number % 4 != 0, of=volume.snapshot())
        plain.snapshot()
        plain.back_up(incremental=number % 4 != 0)
    assert volume.due() == plain.due() == ids(8, 7, 6, 5, 4, 3, 2, 1)


@pytest.mark.parametrize(
    ("of_snapshot", "drops", "is_due"),
    cases(
        {
            "all is shown": ((1,), {}, True),
            "full one of a snapshot": ((1,), {1: ["data_timestamp"]}, False),
            "incremental of a snapshot": ((2,), {2: ["data_timestamp"]}, False),
            "full one of the volume": ((), {1: ["data_timestamp"]}, False),
            "never, and one of a snapshot": ((1,), dict.fromkeys(range(3), ["data_timestamp"]), False),
            "never, and none of a snapshot": ((), dict.fromkeys(range(3), ["data_timestamp"]), True),
            "an old cloud": (
                (),
                dict.fromkeys(range(3), ["data_timestamp", "snapshot_id", "has_dependent_backups"]),
                True,
            ),
        }
    ),
)
def test_without_a_data_time_a_chain_may_reach_further_back(
    volume: Volume, of_snapshot: tuple[int, ...], drops: dict[int, list[str]], *, is_due: bool
) -> None:
    """Of two full backups and an incremental one, the oldest is due if the second certainly ends the chain."""
    for number in range(3):
        of = volume.snapshot() if number in of_snapshot else None
        volume.back_up(incremental=number == 2, of=of)
    for number, fields in drops.items():
        for each in fields:
            del volume.rows[number][each]
    assert (backup_id(1) in volume.due()) is is_due


@pytest.mark.parametrize("odd", [None, 7, "soon", {"a": 1}, ""])
def test_without_a_readable_data_time_a_full_backup_of_a_snapshot_ends_no_chain(volume: Volume, odd: object) -> None:
    volume.back_up()
    volume.back_up(of=volume.snapshot())
    volume.back_up(incremental=True)
    volume.rows[1]["data_timestamp"] = odd
    assert backup_id(1) not in volume.due()


@pytest.mark.parametrize("odd", [None, "true", 1, [], {}])
def test_whatever_else_stands_for_dependents_is_no_word_about_them(volume: Volume, odd: object) -> None:
    volume.back_up()
    volume.back_up()
    volume.rows[0]["has_dependent_backups"] = odd
    assert volume.due() == ids(1)


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    """Full and incremental backups of a volume and of its snapshots, old and new; some failed later."""
    volume = Volume()
    for action in draw(
        st.lists(st.sampled_from(["snapshot", "full", "full", "incremental", "incremental"]), max_size=14)
    ):
        if action == "snapshot":
            volume.snapshot()
            continue
        of = draw(st.sampled_from([None, *volume.snapshots]))
        volume.back_up(incremental=action == "incremental", of=of)
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
    parts: dict[str, Any] = {"service": "cinder", "keep": {"last": last}, "grace": "3d"}
    known = volume.rows[: data.draw(st.integers(0, len(volume.rows)))]
    made = make_plan(volume.rows, last=make_plan(known, NOW - 2 * DAY, **parts), **parts)
    due_at = {row.id: row.due_at for row in made.backups}
    for child, parent in volume.parents.items():
        child_due, parent_due = due_at[child], due_at[parent]
        assert parent_due is None or (child_due is not None and child_due <= parent_due)
