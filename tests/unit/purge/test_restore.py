"""How far back one can still go after a plan, asked by the moments people think in."""

from datetime import timedelta

from tests.unit.purge.strategies import NOW, inventory, nightly, policy, record
from vbs_reaper.purge.calendar.zone import Micros, load_zone, to_micros
from vbs_reaper.purge.forecast.restore_points import restore_points
from vbs_reaper.purge.plan import plan
from vbs_reaper.purge.planned_backup import PlannedBackup

DAY = timedelta(days=1)


def answers(*rows: PlannedBackup) -> dict[str, Micros | None]:
    return {point.label: point.best for point in restore_points(rows, load_zone("UTC"), to_micros(NOW))}


def test_each_question_is_answered_with_the_newest_copy_that_is_old_enough() -> None:
    ages = [timedelta(hours=1), DAY, 3 * DAY, 8 * DAY, 40 * DAY]
    rows = [record(number, age=age) for number, age in enumerate(ages)]
    made = plan(policy(keep={"last": 9}), inventory(rows), NOW)
    assert answers(*made.backups) == {
        "yesterday": to_micros(NOW - DAY),
        "a week ago": to_micros(NOW - 8 * DAY),
        "a month ago": to_micros(NOW - 40 * DAY),
        "three months ago": None,
        "a year ago": None,
    }


def test_each_question_says_which_moment_it_means() -> None:
    points = restore_points([], load_zone("UTC"), to_micros(NOW))
    assert [NOW - timedelta(microseconds=to_micros(NOW) - point.wanted) for point in points][:2] == [
        NOW - DAY,
        NOW - 7 * DAY,
    ]


def test_what_goes_and_what_is_no_copy_answers_nothing() -> None:
    rows = [*nightly(4), record(9, age=2 * DAY, status="error")]
    made = plan(policy(), inventory(rows), NOW)
    assert answers(*made.backups)["yesterday"] == to_micros(NOW - DAY - timedelta(hours=1))
    assert answers(*made.backups)["a week ago"] is None


def test_no_copy_without_a_date_is_gone_back_to() -> None:
    row = plan(policy(), inventory(nightly(1)), NOW).backups[0]
    row.made_at = None
    assert set(answers(row).values()) == {None}
