"""Looking ahead: groups go on at their own rhythm, and what stops, stays."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.strategies import (
    NOW,
    Record,
    backup_id,
    inventory,
    many,
    nightly,
    policies,
    policy,
    record,
    records,
)
from vbs_reaper.backups.answer import Service
from vbs_reaper.purge.forecast.forecast import forecast
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.policy import PurgePolicy


def going(made: Plan, days: int = 10) -> dict[str, int]:
    return dict(forecast(made, made.backups, days).deletion_days)


def test_what_is_due_goes_today_and_the_kept_ones_with_the_backups_to_come() -> None:
    made = plan(policy(), inventory(nightly(4)), NOW)
    assert going(made) == {backup_id(3): 0, backup_id(2): 0, backup_id(1): 1, backup_id(0): 2}


def test_a_group_that_has_stopped_loses_nothing_more_by_counts() -> None:
    rows = [record(n, age=timedelta(days=60 + n)) for n in range(4)]
    assert going(plan(policy(), inventory(rows), NOW)) == {backup_id(3): 0, backup_id(2): 0}


def test_a_group_of_one_has_no_rhythm() -> None:
    assert going(plan(policy(keep={"within": "1h"}), inventory(nightly(1)), NOW)) == {}


def test_a_group_goes_on_at_its_own_rhythm() -> None:
    weekly = [record(n, age=timedelta(days=7 * n + 5)) for n in range(4)]
    made = plan(policy(keep={"last": 3}), inventory(weekly), NOW)
    assert going(made, 20) == {backup_id(3): 0, backup_id(2): 2, backup_id(1): 9, backup_id(0): 16}
    hourly = [record(n, age=timedelta(hours=n)) for n in range(72)]
    made = plan(policy(keep={"hourly": 72}), inventory(hourly), NOW)
    assert sorted(going(made, 3).values()) == [1] * 24 + [2] * 24 + [3] * 24


def test_two_copies_are_a_rhythm() -> None:
    assert going(plan(policy(keep={"last": 1}), inventory(nightly(2)), NOW)) == {backup_id(1): 0, backup_id(0): 1}


def test_every_group_is_looked_ahead_from() -> None:
    rows = [*nightly(3), *(record(10 + n, age=timedelta(days=2 * n), volume_id="other") for n in range(3))]
    made = plan(policy(), inventory(rows), NOW)
    expected = {backup_id(2): 0, backup_id(1): 1, backup_id(0): 2, backup_id(12): 0, backup_id(11): 2, backup_id(10): 4}
    assert going(made) == expected


def test_what_is_overdue_is_made_next_and_not_on_the_day_before() -> None:
    rows = [record(n, age=timedelta(days=n + 1, hours=5)) for n in range(2)]  # 22:00 the day before, and so on
    made = plan(policy(keep={"daily": 2}), inventory(rows), NOW.replace(hour=0))
    assert going(made) == {backup_id(1): 1, backup_id(0): 2}


@pytest.mark.parametrize(("age_days", "stops"), [(2, False), (3, False), (4, True)])
def test_a_group_has_stopped_when_it_missed_three_backups(age_days: int, stops: bool) -> None:
    rows = [record(n, age=timedelta(days=n + age_days)) for n in range(3)]
    assert (going(plan(policy(), inventory(rows), NOW)) == {backup_id(2): 0}) is stops


def test_fulls_come_as_often_as_they_did_and_free_their_chains() -> None:
    rows = [record(n, age=timedelta(days=n, hours=1), is_incremental=n % 4 != 1) for n in range(8)]
    made = plan(policy(), inventory(rows, service="cinder"), NOW)
    found = going(made)
    assert [found[backup_id(n)] for n in range(8)] == [4, 4, 0, 0, 0, 0, 0, 0]


def test_fulls_come_as_often_as_the_last_two_did_however_many_there_were() -> None:
    rows = [record(n, age=timedelta(days=n, hours=1), is_incremental=n % 2 != 1) for n in range(8)]
    found = going(plan(policy(), inventory(rows, service="cinder"), NOW))
    assert [found.get(backup_id(n)) for n in range(4)] == [2, 2, 0, 0]


def test_where_one_full_backup_is_known_no_other_is_counted_on() -> None:
    rows = [record(n, age=timedelta(days=n, hours=1), is_incremental=n != 2) for n in range(3)]
    assert going(plan(policy(), inventory(rows, service="cinder"), NOW)) == {}


def test_the_next_ones_are_of_the_volume_that_was_backed_up_last() -> None:
    rows = [record(n, age=timedelta(days=n, hours=1), volume_id="old", is_incremental=n != 2) for n in (1, 2)]
    rows.append(record(0, age=timedelta(hours=1), volume_id="new", is_incremental=False))
    made = plan(policy(group_by={"name": "^(daily)"}), inventory(rows, service="cinder"), NOW)
    found = going(made)
    assert (found[backup_id(1)], found[backup_id(2)]) == (1, 1)


def test_what_is_held_stays_whatever_is_made_after_it() -> None:
    rows = nightly(3)
    rows[0]["description"] = "[hold]"
    assert going(plan(policy(), inventory(rows), NOW)) == {backup_id(2): 0, backup_id(1): 1}


def test_the_days_looked_ahead_are_told() -> None:
    made = plan(policy(), inventory(nightly(4)), NOW)
    assert forecast(made, made.backups, 10).days == 10


def test_what_is_due_at_noon_goes_with_the_next_run() -> None:
    made = plan(policy(grace="36h"), inventory(nightly(4)), NOW)
    assert going(made)[backup_id(3)] == 2


def test_grace_delays_what_goes() -> None:
    made = plan(policy(grace="3d"), inventory(nightly(4)), NOW)
    assert going(made) == {backup_id(3): 3, backup_id(2): 3, backup_id(1): 4, backup_id(0): 5}


def test_a_young_one_goes_when_it_is_old_enough() -> None:
    made = plan(policy(match={"name": "*", "older_than": "5d"}), inventory(nightly(4)), NOW)
    assert going(made)[backup_id(3)] == 2


def test_what_goes_later_comes_true_when_backups_are_made_as_foreseen() -> None:
    rows = nightly(30)
    rules = policy(keep={"last": 2, "daily": 5, "weekly": 3})
    foreseen = going(plan(rules, inventory(rows), NOW), 20)
    gone: dict[str, int] = {}
    for day in range(21):
        if day:
            rows = [record(1000 + day, age=timedelta(days=-day, hours=1)), *rows]
        made = plan(rules, inventory(rows), NOW + timedelta(days=day))
        gone.update({row.id: day for row in made.due if int(row.id[-4:], 16) < 1000})
        rows = [row for row in rows if row["id"] not in {due.id for due in made.due}]
    assert gone == foreseen


@many
@given(policies(), records(only_past=False), st.sampled_from(["vbs", "cinder"]))
def test_any_plan_can_be_looked_ahead_from(policy: PurgePolicy, rows: list[Record], service: Service) -> None:
    made = plan(policy, inventory(rows, service=service), NOW)
    found = going(made, 5)
    assert {row.id for row in made.due} == {row_id for row_id, day in found.items() if day == 0}
