"""A plan in the terminal: verdict, guards, what goes, and a calendar of every group."""

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.ahead.restore import restore_points
from vbs_reaper.purge.picture.calendar import Day
from vbs_reaper.purge.picture.calendar import Strip
from vbs_reaper.purge.picture.calendar import calendar_of
from vbs_reaper.purge.picture.marks import Mark
from vbs_reaper.purge.picture.page import drawn_groups
from vbs_reaper.purge.picture.words import count
from vbs_reaper.purge.picture.words import day
from vbs_reaper.purge.picture.words import gib
from vbs_reaper.purge.picture.words import moment
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.zone import Zone
from vbs_reaper.purge.time.zone import load_zone

GROUPS_SHOWN: Final = 12

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
_GUTTER: Final = 5
_ROOM_FOR_A_MONTH: Final = 14
_LEAST_WEEKS: Final = 4
_COLUMNS_A_WEEK: Final = 2


def print_plan(plan: Plan, console: Console, *, with_calendars: bool) -> None:
    """Print what a person wants to know first, and the calendars of the groups that lose most."""
    zone = load_zone(plan.policy.timezone)
    console.print(
        Text(
            f"Purge plan {plan.policy.policy}, {moment(plan.made_at, zone)} ({zone.name}), read as {plan.service}",
            "bold",
        )
    )
    console.print(_totals(plan))
    for guard in plan.guards:
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
        f"{count(totals.backups, 'backup')} listed, {totals.matched:,} in the policy's set, {totals.kept:,} stay; ",
        (f"{totals.due:,} go now ({gib(totals.due_gib)})", "bold red" if totals.due else ""),
        f", {waiting:,} in their grace" if waiting else "",
    )


def _reasons(plan: Plan) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("first reason")
    table.add_column("backups", justify="right")
    table.add_column("what it says")
    found: Counter[Reason] = Counter(row.reasons[0] for row in plan.backups)
    for reason, number in sorted(found.items(), key=lambda item: (-item[1], item[0].value)):
        table.add_row(reason.value, f"{number:,}", reason.sentence)
    return table


def _calendars(plan: Plan, zone: Zone, width: int) -> Iterator[Text]:
    drawn = drawn_groups(plan)
    lost = Counter({group.name: group.backups - group.kept for group in plan.groups if group.name in drawn})
    chosen = [name for name, _ in sorted(lost.items(), key=lambda item: (-item[1], item[0]))[:GROUPS_SHOWN]]
    used: set[Mark] = set()
    has_numbers = False
    weeks = max(_LEAST_WEEKS, (width - _GUTTER) // _COLUMNS_A_WEEK - 1)  # one is left free for the last month's name
    for name in sorted(chosen):
        yield Text(f"\n{_shown(name)}: {lost[name]:,} go", "bold")
        calendar = calendar_of(drawn[name], zone, plan.made_at, weeks_a_row=weeks, weeks_limit=None)
        for strip in calendar.strips:
            used.update(one.mark for one in strip.days)
            has_numbers = has_numbers or any(_beside(one) != " " for one in strip.days)
            yield from _strip(strip)
        drawn_going = sum(one.going for strip in calendar.strips for one in strip.days)
        if drawn_going < lost[name]:
            yield Text(f"{lost[name] - drawn_going:,} that go are not drawn; --json has them", "bold red")
        yield from _points(drawn[name], zone, plan)
    if len(plan.groups) > len(chosen):
        others = plan.totals.selected - sum(lost[name] for name in chosen)
        yield Text(
            f"\nand {len(plan.groups) - len(chosen):,} more groups, of which {others:,} go; --html or --json has them",
            "dim",
        )
    yield Text("\n").join(
        [
            Text(),
            *(Text.assemble((mark.letter, _STYLES.get(mark, "")), f" {mark.label}") for mark in Mark if mark in used),
            *([Text.assemble(("2", "red"), " beside a letter: so many of that day go")] if has_numbers else ()),
        ]
    )


def _shown(name: str) -> str:
    """A stranger's name without what would steer the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def _strip(strip: Strip) -> Iterator[Text]:
    """One column a week, Monday on top, under a row with the year and the months."""
    marks = {one.date: one for one in strip.days}
    yield Text(_months(strip), "dim")
    for weekday in range(7):
        line = Text.assemble((f"{strip.start + timedelta(days=weekday):%a}  "[:_GUTTER], "dim"))
        for week in range(strip.weeks):
            one = marks.get(strip.start + timedelta(weeks=week, days=weekday))
            line.append(one.mark.letter if one else "·", _STYLES.get(one.mark, "") if one else "dim")
            line.append(_beside(one) if one else " ", "red")
        yield line


def _months(strip: Strip) -> str:
    """The year of the first week, the months, and each later year where its January would stand."""
    row = f"{strip.start.year:04} ".ljust(_GUTTER)
    for week in range(strip.weeks):
        first = strip.start + timedelta(weeks=week)
        if first.day <= 7 or (not week and first.day <= _ROOM_FOR_A_MONTH):
            is_new_year = first.month == 1 and first.year != strip.start.year
            name = f"{first.year}" if is_new_year else f"{first:%b}"
            row = row.ljust(_GUTTER + week * _COLUMNS_A_WEEK) + name
    return row


def _beside(day: Day) -> str:
    """How many go, beside the letter: where others of that day stay, or where more than one goes."""
    if not day.is_mixed and day.going < 2:
        return " "
    return f"{day.going}" if day.going < 10 else "+"


def _points(rows: Sequence[PlannedBackup], zone: Zone, plan: Plan) -> Iterator[Text]:
    parts = [
        f"{point.asked}: {'none' if point.best is None else day(point.best, zone)}"
        for point in restore_points(rows, zone, plan.made_at)
    ]
    yield Text("back to " + ", ".join(parts), "dim")
