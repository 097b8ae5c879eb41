"""Chains of incremental backups, row by row: who keeps whom, who waits for whom, and where a chain ends."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from tests.support.cases import cases
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.rules.chain import delay_chains, keep_chains
from vbs_reaper.reasons import Reason


def full(made_at: int, due_at: int | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # fields of a row
    return {
        "volume_id": "a",
        "status": "available",
        "incremental": False,
        "made_at": made_at,
        "due_at": due_at,
    } | fields


def incremental(made_at: int, due_at: int | None = None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # as above
    return full(made_at, due_at, **({"incremental": True} | fields))


def read(rows: list[dict[str, Any]]) -> list[PlannedBackup]:
    return [PlannedBackup(id=f"{number:08}", name="daily", size=1, **row) for number, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("rows", "due_at"),
    cases(
        {
            "a full backup waits for its incremental": ([incremental(2, 10), full(1, 5)], [10, 10]),
            "a full backup alone waits for none": ([full(1, 5)], [5]),
            "an incremental alone waits for none": ([incremental(1, 5)], [5]),
            "of another volume": ([incremental(2, 10), full(1, 5, volume_id="b")], [10, 5]),
            "older than a usable full one": ([incremental(3, 10), full(2, 5), full(1, 1)], [10, 10, 1]),
            "a failed full one ends no chain": (
                [incremental(3, 10), full(2, 5, status="error"), full(1, 1)],
                [10, 10, 10],
            ),
            "of two made at once each waits for the other": ([incremental(1, 10), full(1, 5)], [10, 10]),
        }
    ),
)
def test_a_backup_waits_for_the_incrementals_that_need_it(rows: list[dict[str, Any]], due_at: list[int]) -> None:
    found = read(rows)
    delay_chains(found)
    assert [row.due_at for row in found] == due_at


@pytest.mark.parametrize(
    ("rows", "kept"),
    cases(
        {
            "nothing is kept": ([incremental(2), full(1)], []),
            "back to the full backup": (
                [incremental(4, keep=True), incremental(3, incremental=None), full(2), full(1)],
                [0, 1, 2],
            ),
            "nothing of another volume": ([incremental(2, keep=True), incremental(1, volume_id="b")], [0]),
            "everything if the volume is unknown": (
                [incremental(2, incremental=None, keep=True, volume_id=None), full(1)],
                [0, 1],
            ),
            "nothing by a full one of an unknown volume": ([full(2, keep=True, volume_id=None), full(1)], [0]),
            "nothing by one of an unknown volume that goes": ([incremental(2, volume_id=None), full(1)], []),
            "the other of two made at once": ([incremental(1, keep=True), full(1)], [0, 1]),
            "one whose dependents are not in the list": ([full(1, has_dependents=True), full(1)], [0, 1]),
            "not one whose dependents may go with it": ([full(1, has_dependents=True), incremental(1)], []),
        }
    ),
)
def test_a_kept_incremental_keeps_what_it_may_need(rows: list[dict[str, Any]], kept: list[int]) -> None:
    found = read([{"keep": False} | row for row in rows])
    keep_chains(found)
    assert [number for number, row in enumerate(found) if row.keep] == kept
    assert all(found[number].reasons == (Reason.CHAIN_BLOCKED,) for number in kept if not rows[number].get("keep"))


@st.composite
def one_volume(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Backups of one volume, made one after the other. Those of snapshots may have older data than the one before."""
    rows = []
    for made_at in range(1, draw(st.integers(2, 8)) + 1):
        is_incremental, has_failed = draw(st.sampled_from([(False, False), (True, False), (False, True)]))
        row = full(made_at, draw(st.integers(1, 9)), incremental=is_incremental, data_at=draw(st.integers(1, 9)))
        rows.append(row | {"status": "error"} if has_failed else row)
    return rows


def waits_for(rows: list[dict[str, Any]], needed: dict[str, Any], later: dict[str, Any]) -> bool:
    """Whether an incremental backup that was made later may need this one, by creation time or by age of the data."""
    if not later["incremental"] or needed["made_at"] >= later["made_at"]:
        return False
    usable = [row for row in rows if not row["incremental"] and row["status"] == "available"]
    older = [row for row in usable if row["made_at"] < later["made_at"]]
    is_hidden = any(row["made_at"] > needed["made_at"] for row in older)
    bases = [row["data_at"] for row in older if row["data_at"] < later["data_at"]]
    return not is_hidden or needed["data_at"] >= max(bases, default=0)


@settings(max_examples=500)
@given(one_volume())
def test_a_backup_is_due_with_the_last_of_the_incrementals_that_may_need_it(rows: list[dict[str, Any]]) -> None:
    expected = [row["due_at"] for row in rows]
    for later in reversed(range(len(rows))):
        for needed in range(later):
            if waits_for(rows, rows[needed], rows[later]):
                expected[needed] = max(expected[needed], expected[later])
    found = read(rows)
    delay_chains(found)
    assert [row.due_at for row in found] == expected
