"""Chains of incremental backups, row by row: who keeps whom, who waits for whom, and where a chain ends."""

from itertools import count

from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.rules.chain import delay_chains, keep_chains
from vbs_reaper.reasons import Reason

_numbers = count()


def row(
    made_at: int,
    *,
    incremental: bool | None,
    due_at: int | None = None,
    keep: bool = False,
    volume_id: str | None = "a",
    status: str = "available",
) -> PlannedBackup:
    return PlannedBackup(
        id=f"{next(_numbers):08}",
        volume_id=volume_id,
        name="daily",
        status=status,
        made_at=made_at,
        size=1,
        incremental=incremental,
        keep=keep,
        due_at=due_at,
    )


def delayed(*rows: PlannedBackup) -> list[int | None]:
    delay_chains(rows)
    return [each.due_at for each in rows]


def kept(*rows: PlannedBackup) -> list[bool]:
    keep_chains(rows)
    return [each.keep for each in rows]


def test_a_full_backup_waits_for_the_incremental_that_needs_it() -> None:
    assert delayed(row(2, incremental=True, due_at=10), row(1, incremental=False, due_at=5)) == [10, 10]


def test_a_backup_that_nobody_needs_waits_for_nobody() -> None:
    assert delayed(row(1, incremental=False, due_at=5)) == [5]
    assert delayed(row(1, incremental=True, due_at=5)) == [5]


def test_no_backup_waits_for_another_volumes() -> None:
    rows = row(2, incremental=True, due_at=10), row(1, incremental=False, due_at=5, volume_id="b")
    assert delayed(*rows) == [10, 5]


def test_what_is_older_than_a_usable_full_one_does_not_wait() -> None:
    rows = (
        row(3, incremental=True, due_at=10),
        row(2, incremental=False, due_at=5),
        row(1, incremental=False, due_at=1),
    )
    assert delayed(*rows) == [10, 10, 1]


def test_a_full_one_that_failed_ends_no_chain() -> None:
    rows = (
        row(3, incremental=True, due_at=10),
        row(2, incremental=False, due_at=5, status="error"),
        row(1, incremental=False, due_at=1),
    )
    assert delayed(*rows) == [10, 10, 10]


def test_of_two_made_at_once_each_waits_for_the_other() -> None:
    assert delayed(row(1, incremental=True, due_at=10), row(1, incremental=False, due_at=5)) == [10, 10]


def test_where_nothing_is_kept_a_chain_keeps_nothing() -> None:
    assert kept(row(2, incremental=True), row(1, incremental=False)) == [False, False]


def test_a_kept_incremental_keeps_back_to_the_full_one_and_says_why() -> None:
    rows = (
        row(4, incremental=True, keep=True),
        row(3, incremental=None),
        row(2, incremental=False),
        row(1, incremental=False),
    )
    assert kept(*rows) == [True, True, True, False]
    assert rows[1].reasons == (Reason.CHAIN_BLOCKED,)


def test_a_kept_incremental_keeps_nothing_of_another_volume() -> None:
    rows = row(2, incremental=True, keep=True), row(1, incremental=True, volume_id="b")
    assert kept(*rows) == [True, False]


def test_a_kept_incremental_of_no_known_volume_keeps_everything() -> None:
    assert kept(row(2, incremental=None, keep=True, volume_id=None), row(1, incremental=False)) == [True, True]


def test_of_no_known_volume_a_full_one_or_one_that_goes_keeps_nothing_else() -> None:
    assert kept(row(2, incremental=False, keep=True, volume_id=None), row(1, incremental=False))[1] is False
    assert kept(row(2, incremental=True, volume_id=None), row(1, incremental=False))[1] is False


def test_of_two_made_at_once_the_kept_incremental_keeps_the_other() -> None:
    assert kept(row(1, incremental=True, keep=True), row(1, incremental=False)) == [True, True]
