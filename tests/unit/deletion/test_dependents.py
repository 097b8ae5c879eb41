"""Which backups of a volume must be deleted first: the newer incrementals up to the next full backup."""

from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, strategies as st

from tests.unit.deletion.test_decision import one_pass
from tests.unit.deletion.world import answer, backup_id, in_words, read, record
from vbs_reaper.backups.answer import Answer, AnswerName, Listing
from vbs_reaper.backups.backup import Backup
from vbs_reaper.deletion.decide import after_delete, after_listing
from vbs_reaper.deletion.decision import Wait

OWN = datetime(2026, 11, 20, 2, 0)  # noqa: DTZ001  # as the cloud writes it
FULL, INCREMENTAL, UNKNOWN = False, True, None
Row = tuple[float | None, bool | None]
"""When a backup was made, in hours after this one, and its kind; None if the cloud does not show it."""


def backup(number: int, hours: float | None, kind: bool | None) -> Backup:  # noqa: FBT001
    fields = {} if kind is None else {"is_incremental": kind}
    created_at = None if hours is None else (OWN + timedelta(hours=hours)).isoformat()
    return read(record(backup_id(number), created_at=created_at, **fields))


def wait_for(*rows: Row) -> Wait:
    seen = backup(1, 0, INCREMENTAL)
    others = (backup(number, *each) for number, each in enumerate(rows, start=2))
    decision = after_listing(one_pass(seen=seen, jitter=0.9999), Listing(backups=(seen, *others)))
    assert isinstance(decision, Wait)
    assert in_words(decision) == "wait has_dependents"
    return decision


def count(decision: object) -> int:
    assert isinstance(decision, Wait)
    number, _, text = decision.message.partition(" ")
    assert text == "newer backups of the volume are still listed"
    return int(number)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0),
        ([(-24, INCREMENTAL), (-48, FULL)], 0),
        ([(24, INCREMENTAL), (48, INCREMENTAL)], 2),
        ([(24, INCREMENTAL), (48, FULL), (72, INCREMENTAL), (96, INCREMENTAL)], 1),
        ([(24, FULL), (48, INCREMENTAL)], 0),
        ([(24, INCREMENTAL), (36, UNKNOWN), (48, FULL), (72, UNKNOWN)], 2),
        ([(None, INCREMENTAL), (24, FULL)], 1),
        ([(None, FULL), (24, INCREMENTAL)], 1),
        ([(0, INCREMENTAL)], 1),
        ([(0, FULL), (24, INCREMENTAL)], 1),
    ],
)
def test_newer_incrementals_up_to_the_next_full_backup_count(rows: list[Row], expected: int) -> None:
    assert count(wait_for(*rows)) == count(wait_for(*reversed(rows))) == expected


@given(
    st.lists(st.tuples(st.none() | st.integers(-100, 100), st.sampled_from([FULL, INCREMENTAL, UNKNOWN])), max_size=12)
)
@example([(24, INCREMENTAL)] * 3)
def test_the_count_agrees_with_a_walk_along_the_chain_and_each_is_given_one_base(rows: list[Row]) -> None:
    """Each backup that is known depends on the previous one until a full backup starts a new chain."""
    unknown = sum(hours is None and kind is not FULL for hours, kind in rows)
    newer = sorted((hours, kind is FULL) for hours, kind in rows if hours is not None and hours >= 0)
    first_full = next((hours for hours, is_full in newer if is_full and hours > 0), None)
    chain = [hours for hours, is_full in newer if not is_full and (first_full is None or hours <= first_full)]
    wait = wait_for(*rows)
    assert count(wait) == unknown + len(chain)
    assert wait.delay_s == 60 * max(count(wait), 1)


def test_a_list_that_is_too_large_or_unreadable_makes_only_this_request_wait() -> None:
    too_large = Answer(name=AnswerName.UNAVAILABLE, status=200)
    assert in_words(after_listing(one_pass(), too_large)) == "wait has_dependents"


def test_if_the_backup_itself_was_not_seen_every_other_one_counts_as_newer() -> None:
    others = tuple(read(record(backup_id(number))) for number in (1, 5, 6))
    assert count(after_listing(one_pass(), Listing(backups=others))) == 2
    assert count(after_delete(one_pass(), answer(AnswerName.HAS_DEPENDENTS))) == 1
