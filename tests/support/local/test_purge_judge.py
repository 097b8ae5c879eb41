"""The judge of the purge in `make run` reports every missing and every wrong deletion."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.local.purge_act import PurgeVerdict, judge_purge
from tests.support.local.year import make_year, must_stay

NOW = datetime(2026, 11, 25, 5, tzinfo=UTC)
STORED = make_year(1, NOW)
KEPT = must_stay(STORED)
GOING = [backup.id for backup in STORED if backup.id not in KEPT]
NEIGHBOURS = {"neighbour"}


def verdict(
    accepted: list[str] = GOING, remaining: set[str] = KEPT | NEIGHBOURS, waiting: int = 0, due: int = 0
) -> PurgeVerdict:
    return judge_purge(STORED, accepted, remaining, neighbours=NEIGHBOURS, waiting=waiting, due_afterwards=due)


def test_an_expected_purge_has_nothing_lost_and_nothing_wrong() -> None:
    assert verdict().is_good
    assert (verdict().backups, verdict().kept + verdict().deleted) == (len(STORED), len(STORED))


@pytest.mark.parametrize("days", range(0, 400, 13))
def test_the_newest_backup_of_each_volume_and_the_held_one_are_kept_on_any_day(days: int) -> None:
    stored = make_year(1, NOW + timedelta(days=days))
    kept = must_stay(stored)
    for volume_id in {backup.volume_id for backup in stored}:
        newest = [backup.id for backup in stored if backup.volume_id == volume_id][:3]
        assert set(newest) <= kept
    assert {backup.id for backup in stored if backup.description} <= kept
    assert len(kept) < len(stored) / 4


@pytest.mark.parametrize(
    "found",
    [
        verdict(remaining=KEPT | NEIGHBOURS | {GOING[0]}),
        verdict(waiting=1),
        verdict(due=1),
    ],
)
def test_a_missing_deletion_is_lost(found: PurgeVerdict) -> None:
    assert len(found.lost) == 1
    assert not found.is_good


@pytest.mark.parametrize(
    "found",
    [
        verdict(accepted=[*GOING, min(KEPT)]),
        verdict(remaining=KEPT - {min(KEPT)} | NEIGHBOURS),
        verdict(remaining=KEPT),
        verdict(accepted=[*GOING, "neighbour"]),
    ],
)
def test_a_wrong_deletion_is_wrong(found: PurgeVerdict) -> None:
    assert len(found.wrong) == 1
    assert not found.is_good
