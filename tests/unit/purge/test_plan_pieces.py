"""A stored plan is read in pieces, wherever they end, and is not in memory as a whole."""

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.purge_world import World, in_pieces
from tests.unit.purge.strategies import NOW, inventory, many, nightly, policy
from tests.unit.purge.test_odd_documents import SOUND
from vbs_reaper.errors import InvalidPlan
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.plan_file import encode_plan, read_header_pieces, read_plan, read_plan_pieces, read_rows
from vbs_reaper.purge.plan_pieces import PlanPieces
from vbs_reaper.purge.planned_backup import PlannedBackup


@many
@given(st.integers(1, len(SOUND) + 1))
def test_a_plan_is_the_same_wherever_its_pieces_end(size: int) -> None:
    whole = read_plan(SOUND)
    assert read_plan_pieces(in_pieces(SOUND, size)) == whole
    assert read_header_pieces(in_pieces(SOUND, size)).policy == whole.policy


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_text_that_looks_like_a_separator_is_no_separator(size: int) -> None:
    rows = nightly(5)
    for row, name in zip(rows, ('},{"created_at":', '],"difference":', ',"backups":[', "\\", '"'), strict=True):
        row["name"] = f"daily-{name}"
    written = encode_plan(plan(policy(), inventory(rows), NOW))
    found = read_plan_pieces(in_pieces(written, size))
    assert {row.name for row in found.backups} == {row["name"] for row in rows}
    assert encode_plan(found) == written


@given(st.integers(0, len(SOUND) - 1), st.integers(1, 300))
def test_a_plan_that_was_changed_is_refused_wherever_its_pieces_end(position: int, size: int) -> None:
    changed = SOUND[:position] + bytes([SOUND[position] ^ 1]) + SOUND[position + 1 :]
    with pytest.raises(InvalidPlan):
        read_plan_pieces(in_pieces(changed, size))


def test_what_is_no_plan_is_one_head() -> None:
    parts = PlanPieces(in_pieces(b"x" * 100, 3))
    assert (parts.head, list(parts.rows()), parts.tail) == (b"x" * 100, [], b"")


def test_the_memory_of_a_reader_does_not_depend_on_the_number_of_backups() -> None:
    written = encode_plan(plan(policy(), inventory(nightly(400)), NOW))
    head, _, rest = written.partition(b'"backups":[')
    rows, _, tail = rest.partition(b'],"difference":')

    def document(count: int) -> Iterator[bytes]:
        yield head + b'"backups":['
        for number in range(count):
            yield (b"," if number else b"") + rows
        yield b'],"difference":' + tail

    peaks = []
    for count in (10, 100):
        seen: list[int] = []

        def take(backups: list[PlannedBackup], seen: list[int] = seen) -> None:
            seen.append(len(backups))

        tracemalloc.start()
        with pytest.raises(InvalidPlan, match="changed"):  # its sha256 is that of another number of backups
            read_rows(document(count), take)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(seen) == 400 * count
    assert peaks[1] < 1.5 * peaks[0]


def test_a_last_plan_that_is_found_to_be_changed_at_its_end_leaves_nothing_behind() -> None:
    world = World(nightly(5))
    world.run("2026-11-24T03:00:00Z", mode="preview", grace="1d")
    key = "nightly", "2026-11-24T03-00-00Z", "json"
    stored = world.plans.objects[key]
    assert b'"selected_since":"2026-11-25T03:00:00Z"' in stored
    world.plans.objects[key] = stored.replace(
        b'"selected_since":"2026-11-25T03:00:00Z"', b'"selected_since":"2026-11-23T03:00:00Z"'
    )
    world.wait(timedelta(hours=1).total_seconds())
    answer = world.run(grace="1d")
    assert (answer["outcome"], answer["requested"]) == ("completed", 0)
    assert world.document()["difference"] is None
    assert all(
        row.get("selected_since", "2026-11-25T04:00:00Z") == "2026-11-25T04:00:00Z"
        for row in world.document()["backups"]
    )
    assert len(world.report.unreadable_plans) == 1
