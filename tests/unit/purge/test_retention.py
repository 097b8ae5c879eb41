"""The keep rules against restic's own answers (restic/oracle.py asks for them anew)."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vbs_reaper.purge.calendar.zone import load_zone, to_micros
from vbs_reaper.purge.policy import KeepRules
from vbs_reaper.purge.rules.retention import Retention, reasons_of
from vbs_reaper.reasons import Reason

HISTORIES: dict[str, Any] = json.loads(Path(__file__).with_name("restic").joinpath("cases.json").read_text())


def keeps_the_oldest(version: str) -> bool:
    """Since 0.16 restic keeps the oldest snapshot while a rule has room."""
    major, minor = re.findall(r"\d+", version)[:2]
    return (int(major), int(minor)) >= (0, 16)


def kept(history: dict[str, Any], rules: dict[str, Any]) -> list[tuple[Reason, ...]]:
    retention = Retention(msgspec.convert(rules, KeepRules), load_zone(history["zone"]), min_kept=0)
    times = [to_micros(datetime.fromisoformat(time)) for time in history["times"]]
    return [reasons_of(rule) for rule in retention.apply(times)]


def by_the_oldest_rule_alone(reasons: tuple[Reason, ...]) -> bool:
    return len(reasons) == 2 and Reason.KEEP_OLDEST in reasons


@pytest.mark.parametrize("name", HISTORIES)
def test_what_restic_keeps_is_kept_and_nothing_else(name: str) -> None:
    history = HISTORIES[name]
    for case in history["cases"]:
        found = kept(history, case["rules"])
        assert case["kept"]
        for version, answer in case["kept"].items():
            if keeps_the_oldest(version) or not any(Reason.KEEP_OLDEST in reasons for reasons in found):
                ours = [position for position, reasons in enumerate(found) if reasons]
                assert ours == answer, (case["rules"], version)
            else:
                assert answer == [
                    position
                    for position, reasons in enumerate(found)
                    if reasons and not (Reason.KEEP_OLDEST in reasons and position not in answer)
                ], (case["rules"], version)


def test_restic_was_asked_in_a_release_that_keeps_the_oldest() -> None:
    versions = {version for history in HISTORIES.values() for case in history["cases"] for version in case["kept"]}
    assert any(keeps_the_oldest(version) for version in versions)


def test_a_rule_that_has_room_keeps_the_oldest_and_says_so() -> None:
    history = {"zone": "UTC", "times": [f"2024-01-01T{hour:02}:00:00Z" for hour in (12, 11, 10)]}
    assert kept(history, {"daily": 2}) == [
        (Reason.KEEP_DAILY,),
        (),
        (Reason.KEEP_DAILY, Reason.KEEP_OLDEST),
    ]


def test_a_rule_that_is_full_lets_the_oldest_go() -> None:
    history = {"zone": "UTC", "times": [f"2024-01-01T{hour:02}:00:00Z" for hour in (12, 11, 10)]}
    assert kept(history, {"daily": 1}) == [(Reason.KEEP_DAILY,), (), ()]


def test_within_is_measured_from_the_newest_copy_and_its_end_is_outside() -> None:
    history = {"zone": "UTC", "times": ["2020-01-03T00:00:00Z", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z"]}
    assert [bool(reasons) for reasons in kept(history, {"within": "2d"})] == [True, True, False]


def test_a_day_is_the_zones_day() -> None:
    times = ["2024-06-02T21:00:00Z", "2024-06-01T22:30:00Z", "2024-06-01T21:30:00Z"]
    berlin = kept({"zone": "Europe/Berlin", "times": times}, {"daily": 2})
    assert [bool(reasons) for reasons in berlin] == [True, False, True]
    assert [bool(reasons) for reasons in kept({"zone": "UTC", "times": times}, {"daily": 2})] == [True, True, False]


def test_a_clock_set_back_in_the_middle_of_a_quarter_is_read_to_the_minute() -> None:
    zone = load_zone("America/St_Johns")
    before, after = (to_micros(datetime(2010, 11, 7, 2, minute, tzinfo=UTC)) for minute in (30, 31))
    assert (zone.local(before).day, zone.local(after).day) == (7, 6)
    assert zone.periods(before)[1] == zone.periods(after)[1] + 1


def test_an_iso_week_may_reach_over_the_turn_of_the_year() -> None:
    times = ["2025-01-05T12:00:00Z", "2024-12-30T12:00:00Z", "2024-12-29T12:00:00Z"]
    assert [bool(reasons) for reasons in kept({"zone": "UTC", "times": times}, {"weekly": 2})] == [True, False, True]


def test_a_thousand_years_reach_back_before_every_copy() -> None:
    history = {"zone": "UTC", "times": ["2024-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]}
    assert all(kept(history, {"within": "999999y"}))


def test_no_copies_keep_nothing() -> None:
    assert kept({"zone": "UTC", "times": []}, {"last": 3, "daily": 1, "within": "1d"}) == []


def test_instants_are_whole_microseconds() -> None:
    assert to_micros(datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC)) == 1_500_000
