"""A plan in the terminal: the calendars show every backup to be deleted at any width."""

import re
from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from rich.console import Console

from tests.unit.purge.strategies import Record, backup_id, make_plan, nightly, record
from vbs_reaper.cli.plan_text import GROUPS_SHOWN, print_plan
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.report.html_page import BACKUPS_DRAWN

THREE_YEARS = 3 * 365


def planned(rows: list[Record], **parts: Any) -> Plan:  # noqa: ANN401  # parts of a policy
    return make_plan(rows, guards={"max_deletions": 100_000, "max_fraction": 1}, **parts)


def shown(made: Plan, width: int = 80) -> list[str]:
    written = StringIO()
    print_plan(made, Console(width=width, file=written, force_terminal=False), with_calendars=True)
    return written.getvalue().splitlines()


def calendar_lines(lines: list[str]) -> list[str]:
    return [line for line in lines if re.fullmatch(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)  .*", line)]


def drawn(lines: list[str], letters: str) -> int:
    """Return how many backups the calendars show as to be deleted. Each square is a letter and the text beside it."""
    total = 0
    for line in calendar_lines(lines):
        cells = line[5:].ljust(len(line) + 1)
        for letter, beside in zip(cells[::2], cells[1::2], strict=False):
            if beside.isdigit():
                total += int(beside)
            elif letter in letters:
                total += 1
    return total


@pytest.fixture(scope="module")
def three_years() -> Plan:
    """A plan that deletes most backups of three years."""
    rows = [
        record(volume * 10_000 + day, age=timedelta(days=day, hours=1), volume_id=backup_id(10**9 + volume))
        for volume in range(GROUPS_SHOWN)
        for day in range(THREE_YEARS)
    ]
    return planned(rows, keep={"last": 3, "daily": 7, "weekly": 4, "monthly": 12})


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_backup_to_be_deleted_is_drawn_at_any_width(three_years: Plan, width: int) -> None:
    lines = calendar_lines(shown(three_years, width))
    assert three_years.totals.due > 12_000
    assert sum(line.count("x") for line in lines) == three_years.totals.due
    assert max(map(len, lines)) <= width


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 2)), max_size=60),
    st.integers(14, 250),
    st.sampled_from([{}, {"grace": "7d"}]),
)
@settings(max_examples=50)
def test_exactly_the_backups_to_be_deleted_are_drawn(
    ages: list[tuple[int, int]], width: int, parts: dict[str, str]
) -> None:
    drawn_days = Counter[tuple[int, int]]()
    rows = []
    for number, (day, volume) in enumerate(ages):
        drawn_days[day, volume] += 1
        if drawn_days[day, volume] <= 9:
            age = timedelta(days=day, minutes=number)
            rows.append(record(number, age=age, volume_id=backup_id(10**9 + volume)))
    made = planned(rows, **parts)
    assert drawn(shown(made, width), "x~") == made.totals.selected


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_the_row_of_months_contains_the_year(width: int) -> None:
    lines = shown(planned(nightly(THREE_YEARS)), width)
    heads = [lines[number - 1] for number, line in enumerate(lines) if line.startswith("Mon  ")]
    assert heads
    assert all(re.fullmatch(r"[0-9]{4} [A-Z0-9a-z ]*", head) and len(head) <= width for head in heads)
    assert {*re.findall("[0-9]{4}", " ".join(heads))} == {"2023", "2024", "2025", "2026"}


def test_a_wide_terminal_has_as_many_weeks_in_a_row_as_fit() -> None:
    narrow, wide = (len(calendar_lines(shown(planned(nightly(THREE_YEARS)), width))) for width in (40, 400))
    assert (narrow, wide) == (10 * 7, 7)


def test_several_deletions_on_a_day_are_counted_beside_its_letter() -> None:
    rows = [record(n, age=timedelta(hours=n, minutes=1)) for n in range(3)]
    rows += [record(10 + n, age=timedelta(days=7, hours=n / 10)) for n in range(12)]
    lines = shown(planned(rows, keep={"daily": 1}))
    assert "Wed  x+D2" in [line.rstrip() for line in lines]
    assert "2 beside a letter: number of backups of that day to be deleted" in lines


def test_what_does_not_fit_is_mentioned() -> None:
    rows = nightly(3) + [
        record(100 * volume + n, age=timedelta(days=n, hours=2), volume_id=backup_id(volume))
        for volume in range(1, 21)
        for n in range(5)
    ]
    made = planned(rows)
    lines = shown(made)
    ((groups, deletions),) = re.findall(r"^and (\d+) more groups with (\d+) to be deleted; ", "\n".join(lines), re.M)
    assert int(groups) == 9
    assert drawn(lines, "x") + int(deletions) == made.totals.due


def test_too_many_calendars_are_mentioned() -> None:
    made = planned([record(n, age=timedelta(minutes=n)) for n in range(BACKUPS_DRAWN + 10)])
    assert "10 to be deleted are not shown; see --json" in shown(made)


def test_the_policy_and_the_newest_name_of_a_volume_are_shown() -> None:
    lines = shown(planned(nightly(5, name="daily-orders"), keep={"last": 2}))
    assert "the policy keeps for each volume: the last 2." in " ".join(" ".join(lines).split())
    assert f"{nightly(1)[0]['volume_id']} (daily-orders): 3 to be deleted" in lines


def test_guards_are_not_mentioned_if_nothing_is_due() -> None:
    assert not [line for line in shown(planned(nightly(1))) if line.startswith("guard")]
    assert len([line for line in shown(planned(nightly(9))) if line.startswith("guard: ")]) == 2


def test_the_fields_that_are_unknown_are_named() -> None:
    rows = nightly(3)
    del rows[1]["description"]
    assert "Found: description." in " ".join(shown(planned(rows), 200))
