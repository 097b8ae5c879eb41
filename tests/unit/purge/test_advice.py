"""Chains on Cinder: what is kept because of them, and the advice on what a full backup frees."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.cases import cases
from tests.unit.purge.strategies import (
    DAY,
    NOW,
    Record,
    backup_id,
    ids,
    make_plan,
    nightly,
    record,
    selected,
)
from vbs_reaper.purge.calendar.zone import FAR_AHEAD, to_micros, to_text
from vbs_reaper.purge.forecast import advice
from vbs_reaper.purge.plan import Plan
from vbs_reaper.reasons import Reason

HOLD = {"description": "[hold]"}


def full_and_incrementals(count: int, changes: dict[int, Record] | None = None) -> list[Record]:
    """The oldest is the full one."""
    return nightly(count + 1, {count: {"is_incremental": False}} | (changes or {}), is_incremental=True)


def volumes(count: int, sizes: dict[int, int] | None = None) -> list[Record]:
    """Volumes of a full backup and three incrementals."""
    return [
        row
        | {"id": backup_id(100 * volume + n), "volume_id": f"volume-{volume:02}", "size": (sizes or {}).get(volume, 10)}
        for volume in range(count)
        for n, row in enumerate(full_and_incrementals(3))
    ]


def on_cinder(rows: list[Record], now: datetime = NOW, **parts: Any) -> Plan:  # noqa: ANN401  # parts of a policy
    return make_plan(rows, now, service="cinder", **parts)


# ── Advice ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_full_backup_and_its_incrementals_stay_together_on_cinder_with_advice() -> None:
    made = on_cinder(full_and_incrementals(6))
    assert selected(made) == set()
    assert made.backups[6].reasons == (Reason.CHAIN_BLOCKED,)
    (found,) = made.advice
    assert (found.blocked, found.blocked_gib) == (5, 50)
    assert (found.frees, found.frees_gib, found.further_backups) == (7, 70, 1)
    assert "a full backup today frees 7 backups (70 GiB) after 1 further backup, about 2026-11-26" in found.sentence
    assert (found.volume_id, found.frees_at) == (backup_id(10**9), to_micros(NOW + DAY))


def test_the_advice_comes_true() -> None:
    new = [record(50, age=timedelta(0), is_incremental=False), record(51, age=-DAY, is_incremental=True)]
    assert selected(on_cinder([*full_and_incrementals(6), *new], NOW + DAY)) == {*ids(*range(7))}


@pytest.mark.parametrize(
    ("rows", "parts", "frees", "further"),
    cases(
        {
            "all at once": (full_and_incrementals(6), {"keep": {"last": 1}}, 7, 0),
            "what grows old enough meanwhile": (
                full_and_incrementals(14),
                {"match": {"name": "daily*", "older_than": "10d"}},
                15,
                10,
            ),
            "not what a held one stands on": (full_and_incrementals(6, {3: HOLD}), {}, 3, 1),
            "a failed one is followed by usable ones": (
                full_and_incrementals(6, {2: {"status": "error"}}),
                {"match": {"status": ["available", "error"]}},
                7,
                1,
            ),
            "one made right now is older than the advised one": (
                [row | {"created_at": (NOW - n * DAY).isoformat()} for n, row in enumerate(full_and_incrementals(6))],
                {"keep": {"last": 1}},
                7,
                0,
            ),
        }
    ),
)
def test_the_advice_counts_what_a_full_backup_frees_after_how_many_further_ones(
    rows: list[Record], parts: dict[str, Any], frees: int, further: int
) -> None:
    (found,) = on_cinder(rows, **parts).advice
    assert (found.frees, found.further_backups) == (frees, further)
    assert found.frees_at == to_micros(NOW) or further


@pytest.mark.parametrize(
    ("first", "last", "frees_at"),
    [
        # Made by a host whose clock began in 2000: the pace is of 26 years, and 512 steps lead far out of the calendar.
        (datetime(2000, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC), datetime(2052, 1, 2, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC), None),
    ],
)
def test_the_advice_looks_no_further_than_the_calendar(
    first: datetime, last: datetime, frees_at: datetime | None
) -> None:
    expected = FAR_AHEAD if frees_at is None else to_micros(frees_at)
    rows = [
        record(1, age=timedelta(0), created_at=last.isoformat(), is_incremental=True),
        record(2, age=timedelta(0), created_at=first.isoformat(), is_incremental=False),
    ]
    (found,) = on_cinder(rows, last.replace(hour=1), keep={"last": 1, "within": "1d"}).advice
    assert (found.frees, found.further_backups, found.frees_at) == (2, 1, expected)
    assert found.sentence.endswith(f"about {to_text(expected)[:10]}")


def test_nothing_frees_what_a_held_backup_needs() -> None:
    (found,) = on_cinder(full_and_incrementals(6, {0: HOLD})).advice
    assert (found.blocked, found.frees, found.further_backups, found.frees_at) == (5, 0, 0, None)
    assert "a full backup today does not free them within the next 512 backups" in found.sentence


def test_the_volume_with_most_blocked_is_first_and_fifty_are_named_at_most() -> None:
    found = on_cinder(volumes(3, {0: 5, 1: 50, 2: 5})).advice
    assert [(each.volume_id[-1], each.blocked_gib) for each in found] == [("1", 100), ("0", 10), ("2", 10)]
    assert len(on_cinder(volumes(51)).advice) == 50


@pytest.mark.parametrize(("limit", "advised"), [(1, 1), (31, 1), (32, 2), (47, 2), (48, 3), (10**6, 3)])
def test_advice_considers_no_more_backups_than_a_limit(
    monkeypatch: pytest.MonkeyPatch, limit: int, advised: int
) -> None:
    """In one group of three volumes, 16 backups are considered for each volume."""
    monkeypatch.setattr(advice, "ROWS_LIMIT", limit)
    assert len(on_cinder(volumes(3), group_by={"name": "^(daily)"}, keep={"last": 3}).advice) == advised


def test_advice_does_not_depend_on_the_order_of_the_list() -> None:
    rows = full_and_incrementals(6)
    rows += [record(20 + n, age=timedelta(days=n, hours=2), name="daily-x", is_incremental=True) for n in range(4)]
    rows = [row | {"size": 0.1 * number} for number, row in enumerate(rows)]
    first, second = (on_cinder(order, group_by={"name": "(daily-x|daily)"}) for order in (rows, rows[::-1]))
    assert (first.advice, first.totals) == (second.advice, second.totals)


# ── What a chain keeps ────────────────────────────────────────────────────────────────────────────────────────────────


def chain_behind_two_full_ones(changes: Record) -> list[Record]:
    rows = [record(9 + n, age=timedelta(days=5 + n), is_incremental=n < 3) for n in range(4)]
    return [*nightly(2, is_incremental=False), rows[0] | changes, *rows[1:]]


@pytest.mark.parametrize(
    ("rows", "goes"),
    cases(
        {
            "a chain ends at the usable full backup before it": (
                nightly(8, dict.fromkeys((3, 7), {"is_incremental": False}), is_incremental=True),
                [4, 5, 6, 7],
            ),
            "one outside the policy's set may need one that is in it": (
                full_and_incrementals(3, {0: {"name": "by hand"}})
                + [record(10 + n, age=timedelta(minutes=n), is_incremental=False) for n in range(2)],
                [],
            ),
            "a chain that nothing kept needs": (chain_behind_two_full_ones({}), [9, 10, 11, 12]),
            "an unknown kind": (chain_behind_two_full_ones({"is_incremental": None}), [9, 10, 11, 12]),
            "an unknown volume may need all": (chain_behind_two_full_ones({"volume_id": None}), []),
            "an unknown time may need all": (chain_behind_two_full_ones({"created_at": None}), []),
        }
    ),
)
def test_on_cinder_nothing_goes_that_a_kept_backup_may_need(rows: list[Record], goes: list[int]) -> None:
    assert selected(on_cinder(rows)) == {*ids(*goes)}


def test_on_vbs_every_backup_stands_alone() -> None:
    assert selected(make_plan(full_and_incrementals(6))) == {*ids(2, 3, 4, 5, 6)}
