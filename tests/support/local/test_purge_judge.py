"""The judge of the purge must be hard to please too, and the year it judges must be the one that was told."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.local.purge_act import PurgeVerdict, judge_purge
from tests.support.local.year import must_stay, tell_year

NOW = datetime(2026, 11, 25, 5, tzinfo=UTC)
TOLD = tell_year(1, NOW)
KEPT = must_stay(TOLD)
GOING = [backup.id for backup in TOLD if backup.id not in KEPT]
NEIGHBOURS = {"neighbour"}


def verdict(
    accepted: list[str] = GOING, remaining: set[str] = KEPT | NEIGHBOURS, waiting: int = 0, due: int = 0
) -> PurgeVerdict:
    return judge_purge(TOLD, accepted, remaining, neighbours=NEIGHBOURS, waiting=waiting, due_afterwards=due)


def test_a_year_purged_as_it_should_be_has_nothing_lost_and_nothing_wrong() -> None:
    assert verdict().is_good
    assert (verdict().backups, verdict().kept + verdict().deleted) == (len(TOLD), len(TOLD))


@pytest.mark.parametrize("days", range(0, 400, 13))
def test_each_volume_keeps_its_newest_and_the_held_one_stays_on_any_day(days: int) -> None:
    told = tell_year(1, NOW + timedelta(days=days))
    kept = must_stay(told)
    for volume_id in {backup.volume_id for backup in told}:
        newest = [backup.id for backup in told if backup.volume_id == volume_id][:3]
        assert set(newest) <= kept
    assert {backup.id for backup in told if backup.description} <= kept
    assert len(kept) < len(told) / 8


@pytest.mark.parametrize(
    "found",
    [
        verdict(remaining=KEPT | NEIGHBOURS | {GOING[0]}),
        verdict(waiting=1),
        verdict(due=1),
    ],
)
def test_what_is_not_done_is_lost(found: PurgeVerdict) -> None:
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
def test_what_must_not_happen_is_wrong(found: PurgeVerdict) -> None:
    assert len(found.wrong) == 1
    assert not found.is_good
