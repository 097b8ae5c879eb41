"""The keep rules compared with recorded results of restic (restic/oracle.py records them)."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.cases import cases
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


NOON_AND_BEFORE = [f"2024-01-01T{hour:02}:00:00Z" for hour in (12, 11, 10)]
AROUND_MIDNIGHT = ["2024-06-02T21:00:00Z", "2024-06-01T22:30:00Z", "2024-06-01T21:30:00Z"]


@pytest.mark.parametrize(
    ("rules", "times", "reasons"),
    cases(
        {
            "room for the oldest": ({"daily": 2}, NOON_AND_BEFORE, ["keep_daily", "", "keep_daily keep_oldest"]),
            "no room": ({"daily": 1}, NOON_AND_BEFORE, ["keep_daily", "", ""]),
            "within, whose end is outside": (
                {"within": "2d"},
                ["2020-01-03T00:00:00Z", "2020-01-01T00:00:01Z", "2020-01-01T00:00:00Z"],
                ["keep_within", "keep_within", ""],
            ),
            "a day of UTC": ({"daily": 2}, AROUND_MIDNIGHT, ["keep_daily", "keep_daily", ""]),
            "an ISO week over the turn of the year": (
                {"weekly": 2},
                ["2025-01-05T12:00:00Z", "2024-12-30T12:00:00Z", "2024-12-29T12:00:00Z"],
                ["keep_weekly", "", "keep_weekly"],
            ),
            "before every copy": (
                {"within": "999999y"},
                ["2024-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
                ["keep_within", "keep_within"],
            ),
            "no copies": ({"last": 3, "daily": 1, "within": "1d"}, [], []),
        }
    ),
)
def test_what_is_kept_says_why(rules: dict[str, Any], times: list[str], reasons: list[str]) -> None:
    assert [" ".join(each) for each in kept({"zone": "UTC", "times": times}, rules)] == reasons


def test_a_day_is_the_zones_day() -> None:
    berlin = kept({"zone": "Europe/Berlin", "times": AROUND_MIDNIGHT}, {"daily": 2})
    assert [bool(reasons) for reasons in berlin] == [True, False, True]


def test_a_clock_set_back_in_the_middle_of_a_quarter_is_read_to_the_minute() -> None:
    zone = load_zone("America/St_Johns")
    before, after = (to_micros(datetime(2010, 11, 7, 2, minute, tzinfo=UTC)) for minute in (30, 31))
    assert (zone.local(before).day, zone.local(after).day) == (7, 6)
    assert zone.periods(before)[1] == zone.periods(after)[1] + 1


def test_instants_are_whole_microseconds() -> None:
    assert to_micros(datetime(1970, 1, 1, 0, 0, 1, 500000, tzinfo=UTC)) == 1_500_000
