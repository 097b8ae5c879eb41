"""Print a plan in the terminal: totals, guards, notes, reasons, and calendars of the groups."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vbs_reaper.purge.calendar.zone import Zone, load_zone
from vbs_reaper.purge.forecast.restore_points import restore_points
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import PlannedBackup, newest_name
from vbs_reaper.purge.report.calendar_strips import Day, Strip, calendar_of
from vbs_reaper.purge.report.formatting import day, gib, moment
from vbs_reaper.purge.report.html_page import drawn_groups
from vbs_reaper.purge.report.legend import Mark
from vbs_reaper.purge.report.policy_sentence import describe_policy
from vbs_reaper.reasons import Reason
from vbs_reaper.text import count

GROUPS_SHOWN: Final = 12
FIELDS_SHOWN: Final = 3

_STYLES: Final = {
    Mark.YEARLY: "bold white on purple4",
    Mark.MONTHLY: "bold white on dodger_blue3",
    Mark.WEEKLY: "bold grey0 on dark_cyan",
    Mark.DAILY: "bold grey0 on green3",
    Mark.HOURLY: "bold grey0 on pale_green3",
    Mark.LAST: "bold grey0 on pale_green3",
    Mark.WITHIN: "bold grey0 on pale_green3",
    Mark.MINIMUM: "bold grey0 on pale_green3",
    Mark.HELD: "bold grey0 on gold1",
    Mark.GRACE: "bold dark_orange",
    Mark.GOES: "bold red",
    Mark.DOUBT: "reverse",
}
_MARGIN: Final = 5
"""Columns for the names of days and the year, left of a calendar."""
_FIRST_MONTH_UNTIL: Final = 14
"""The first week of a strip shows its month only if it begins on this day of the month or earlier."""
_MIN_WEEKS: Final = 4
_COLUMNS_PER_WEEK: Final = 2


def print_plan(plan: Plan, console: Console, *, with_calendars: bool) -> None:
    """Print the plan. Calendars are printed for the `GROUPS_SHOWN` groups with the most deletions."""
    zone = load_zone(plan.policy.timezone)
    console.print(
        Text(
            f"Purge plan {plan.policy.policy}, {moment(plan.made_at, zone)} ({zone.name}), service {plan.service}",
            "bold",
        )
    )
    console.print(Text(describe_policy(plan.policy), "dim"))
    console.print(_totals(plan))
    for guard in plan.guards if plan.totals.due else plan.exceeded:
        console.print(
            Text("guard refuses: " if guard.exceeded else "guard: ", "bold red" if guard.exceeded else "dim"), end=""
        )
        console.print(Text(guard.sentence), soft_wrap=True)
    for sentence in (*plan.warnings, *(advice.sentence for advice in plan.advice)):
        console.print(Text(f"note: {sentence}", "yellow"), soft_wrap=True)
    console.print(_reasons(plan))
    if with_calendars:
        for line in _calendars(plan, zone, console.width):
            console.print(line)


def _totals(plan: Plan) -> Text:
    totals = plan.totals
    waiting = totals.selected - totals.due
    return Text.assemble(
        f"{count(totals.backups, 'backup')} listed, {totals.matched:,} matched by the policy, {totals.kept:,} kept; ",
        (f"{totals.due:,} to be deleted now ({gib(totals.due_gib)})", "bold red" if totals.due else ""),
        f", {waiting:,} in grace" if waiting else "",
    )


def _reasons(plan: Plan) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("why (first reason)")
    table.add_column("backups", justify="right")
    table.add_column("meaning")
    found: Counter[Reason] = Counter(row.reasons[0] for row in plan.backups)
    for reason, number in sorted(found.items(), key=lambda item: (-item[1], item[0].value)):
        table.add_row(reason.value, f"{number:,}", f"{reason.sentence}{_fields(plan, reason)}")
    return table


def _fields(plan: Plan, reason: Reason) -> str:
    """Return which fields are unknown, if that is the reason."""
    if reason is not Reason.UNKNOWN_FIELD:
        return ""
    fields = sorted({row.detail for row in plan.backups if row.reasons[0] is reason and row.detail})
    more = f" and {len(fields) - FIELDS_SHOWN:,} others" if len(fields) > FIELDS_SHOWN else ""
    return f" Found: {_printable(', '.join(fields[:FIELDS_SHOWN]))}{more}." if fields else ""


def _calendars(plan: Plan, zone: Zone, width: int) -> Iterator[Text]:
    drawn = drawn_groups(plan)
    lost = Counter({group.name: group.backups - group.kept for group in plan.groups if group.name in drawn})
    shown = [name for name, _ in sorted(lost.items(), key=lambda item: (-item[1], item[0]))[:GROUPS_SHOWN]]
    used: set[Mark] = set()
    has_numbers = False
    # The columns of one week are reserved for the name of the last month.
    weeks = max(_MIN_WEEKS, (width - _MARGIN) // _COLUMNS_PER_WEEK - 1)
    for name in sorted(shown):
        newest = newest_name(drawn[name])
        yield Text(
            f"\n{_printable(name)}{f' ({_printable(newest)})' if newest else ''}: {lost[name]:,} to be deleted", "bold"
        )
        calendar = calendar_of(drawn[name], zone, plan.made_at, weeks_per_row=weeks, weeks_limit=None)
        for strip in calendar.strips:
            used.update(square.mark for square in strip.days)
            has_numbers = has_numbers or any(_number(square) != " " for square in strip.days)
            yield from _strip_lines(strip)
        deletions_shown = sum(square.deletions for strip in calendar.strips for square in strip.days)
        if deletions_shown < lost[name]:
            yield Text(f"{lost[name] - deletions_shown:,} to be deleted are not shown; see --json", "bold red")
        yield from _restore_points(drawn[name], zone, plan)
    if len(plan.groups) > len(shown):
        others = plan.totals.selected - sum(lost[name] for name in shown)
        yield Text(
            f"\nand {len(plan.groups) - len(shown):,} more groups with {others:,} to be deleted; see --html or --json",
            "dim",
        )
    yield Text("\n").join(
        [
            Text(),
            *(Text.assemble((mark.letter, _STYLES.get(mark, "")), f" {mark.label}") for mark in Mark if mark in used),
            *(
                [Text.assemble(("2", "red"), " beside a letter: number of backups of that day to be deleted")]
                if has_numbers
                else ()
            ),
        ]
    )


def _printable(name: str) -> str:
    """Escape control characters: the name comes from outside and must not control the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def _strip_lines(strip: Strip) -> Iterator[Text]:
    """Return the lines of a strip: a row with the year and the months, then one row per weekday from Monday on."""
    squares = {square.date: square for square in strip.days}
    yield Text(_months(strip), "dim")
    for weekday in range(7):
        line = Text.assemble((f"{strip.start + timedelta(days=weekday):%a}  "[:_MARGIN], "dim"))
        for week in range(strip.weeks):
            square = squares.get(strip.start + timedelta(weeks=week, days=weekday))
            line.append(square.mark.letter if square else "·", _STYLES.get(square.mark, "") if square else "dim")
            line.append(_number(square) if square else " ", "red")
        yield line


def _months(strip: Strip) -> str:
    """Return the row with the year of the first week and the months. A January in a later year is shown as its year."""
    row = f"{strip.start.year:04} ".ljust(_MARGIN)
    for week in range(strip.weeks):
        first = strip.start + timedelta(weeks=week)
        if first.day <= 7 or (not week and first.day <= _FIRST_MONTH_UNTIL):
            is_new_year = first.month == 1 and first.year != strip.start.year
            name = f"{first.year}" if is_new_year else f"{first:%b}"
            row = row.ljust(_MARGIN + week * _COLUMNS_PER_WEEK) + name
    return row


def _number(square: Day) -> str:
    """Return the number of deletions to show beside the letter; "+" stands for 10 or more.

    It is shown if other backups of that day are kept, or if there are two or more deletions.
    """
    if not square.is_mixed and square.deletions < 2:
        return " "
    return f"{square.deletions}" if square.deletions < 10 else "+"


def _restore_points(rows: Sequence[PlannedBackup], zone: Zone, plan: Plan) -> Iterator[Text]:
    parts = [
        f"{point.label}: {'none' if point.best is None else f'copy of {day(point.best, zone)}'}"
        for point in restore_points(rows, zone, plan.made_at)
    ]
    yield Text("could be restored as of " + ", ".join(parts), "dim")
