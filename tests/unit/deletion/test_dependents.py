"""Which backups of a volume must be deleted first: the newer incrementals up to the next full backup."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.deletion.test_decision import one_pass
from tests.unit.deletion.world import backup_id, read, record
from vbs_reaper.backups.answer import Answer, AnswerName, Listing
from vbs_reaper.backups.backup import Backup
from vbs_reaper.deletion.decide import after_listing
from vbs_reaper.deletion.decision import Wait
from vbs_reaper.reasons import Reason

OWN = datetime(2026, 11, 20, 2, 0)  # noqa: DTZ001  # as the cloud writes it
FULL, INCREMENTAL, UNKNOWN = False, True, None


def row(number: int, hours: float | None, kind: bool | None) -> Backup:  # noqa: FBT001
    """Return a backup that was made so many hours after this one; None means that the cloud does not tell."""
    fields: dict[str, Any] = {"is_incremental": kind} if kind is not None else {}
    created_at = None if hours is None else (OWN + timedelta(hours=hours)).isoformat()
    return read(record(backup_id(number), created_at=created_at, **fields))


def count(*rows: tuple[float | None, bool | None]) -> int:
    seen = row(1, 0, INCREMENTAL)
    backups = (seen, *(row(number, *each) for number, each in enumerate(rows, start=2)))
    decision = after_listing(one_pass(seen=seen), Listing(backups=backups))
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.HAS_DEPENDENTS
    return int(decision.message.partition(" ")[0])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0),
        ([(-24, INCREMENTAL), (-48, FULL)], 0),
        ([(24, INCREMENTAL), (48, INCREMENTAL)], 2),
        ([(24, INCREMENTAL), (48, FULL), (72, INCREMENTAL), (96, INCREMENTAL)], 1),
        ([(24, FULL), (48, INCREMENTAL)], 0),
        ([(24, INCREMENTAL), (36, UNKNOWN), (48, FULL), (72, UNKNOWN)], 2),
        ([(24, UNKNOWN), (48, UNKNOWN)], 2),
        ([(24, FULL), (48, FULL), (12, INCREMENTAL)], 1),
        ([(None, INCREMENTAL), (24, FULL)], 1),
        ([(None, FULL), (24, INCREMENTAL)], 1),
        ([(0, INCREMENTAL)], 1),
        ([(0, FULL), (24, INCREMENTAL)], 1),
    ],
)
def test_newer_incrementals_up_to_the_next_full_backup_count(
    rows: list[tuple[float | None, bool | None]], expected: int
) -> None:
    assert count(*rows) == expected
    assert count(*reversed(rows)) == expected


rows = st.lists(
    st.tuples(st.none() | st.integers(-100, 100), st.sampled_from([FULL, INCREMENTAL, UNKNOWN])), max_size=12
)


@given(rows)
def test_the_count_agrees_with_a_walk_along_the_chain(given_rows: list[tuple[int | None, bool | None]]) -> None:
    """All known depends on the previous one until a full backup starts a new chain."""
    unknown = sum(hours is None and kind is not FULL for hours, kind in given_rows)
    newer = sorted((hours, kind is FULL) for hours, kind in given_rows if hours is not None and hours >= 0)
    first_full = next((hours for hours, is_full in newer if is_full and hours > 0), None)
    chain = [hours for hours, is_full in newer if not is_full and (first_full is None or hours <= first_full)]
    assert count(*given_rows) == unknown + len(chain)


@given(rows)
def test_the_wait_is_one_base_for_each_dependent_and_at_most_two_hours(
    given_rows: list[tuple[int | None, bool | None]],
) -> None:
    seen = row(1, 0, INCREMENTAL)
    backups = (seen, *(row(number, *each) for number, each in enumerate(given_rows, start=2)))
    decision = after_listing(one_pass(seen=seen, jitter=0.9999), Listing(backups=backups))
    assert isinstance(decision, Wait)
    assert decision.delay_s == 60 * max(count(*given_rows), 1)


def test_a_list_that_is_too_large_or_unreadable_makes_only_this_request_wait() -> None:
    too_large = Answer(name=AnswerName.UNAVAILABLE, status=200)
    decision = after_listing(one_pass(), too_large)
    assert isinstance(decision, Wait)
    assert decision.reason is Reason.HAS_DEPENDENTS
