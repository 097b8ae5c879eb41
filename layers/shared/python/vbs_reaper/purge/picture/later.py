"""The days ahead: a slider over the calendars, and the same as a table for whoever has none."""

import json
from collections.abc import Iterator
from collections.abc import Sequence
from html import escape

from vbs_reaper.purge.ahead.forecast import Forecast
from vbs_reaper.purge.ahead.future import DAY
from vbs_reaper.purge.picture.words import count
from vbs_reaper.purge.picture.words import day
from vbs_reaper.purge.picture.words import gib
from vbs_reaper.purge.picture.words import numbers_of
from vbs_reaper.purge.picture.words import table_head
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.zone import load_zone


def draw_later(plan: Plan, shown: Sequence[PlannedBackup], ahead: Forecast) -> Iterator[str]:
    """What today's run and those after it would delete, day by day."""
    numbers, sizes = [0] * (ahead.days + 1), [0.0] * (ahead.days + 1)
    for row in shown:
        when = ahead.going.get(row.id)
        if when is not None:
            numbers[when] += 1
            sizes[when] += row.gib
    zone = load_zone(plan.policy.timezone)
    dates = [day(plan.made_at + ahead_by * DAY, zone) for ahead_by in range(ahead.days + 1)]
    yield '<h2 id="later">What later runs would do</h2>'
    drawn = "" if len(shown) >= plan.totals.matched else " in the groups drawn"
    yield from _slider(dates, numbers, sizes, drawn)
    yield '<div class="card"><p class="small soft">'
    yield "Of the backups there are today, in the groups drawn below, if each goes on being backed up at its "
    yield "own rhythm, nothing else changes and no guard refuses. One that stopped loses nothing more by counts.</p>"
    yield f"<details><summary>The next {ahead.days} days as a table</summary>"
    yield table_head("Deletions by day", ["day"], ["backups", "GiB"])
    for date, number, size in zip(dates, numbers, sizes, strict=True):
        if number:
            yield f'<tr><th scope="row">{date}</th>{numbers_of(number, size)}</tr>'
    yield f'<tr><th scope="row">in all</th>{numbers_of(sum(numbers), sum(sizes))}</tr>'
    yield "</tbody></table></details></div>\n"


def _slider(dates: Sequence[str], numbers: Sequence[int], sizes: Sequence[float], drawn: str) -> Iterator[str]:
    says, gone, freed = [], 0, 0.0
    for ahead, date in enumerate(dates):
        gone, freed = gone + numbers[ahead], freed + sizes[ahead]
        when = f"In {count(ahead, 'day')}, {date}" if ahead else "Today"
        says.append([when, f"{count(gone, 'backup')} gone{drawn}, {gib(freed)} freed"])
    data = escape(json.dumps(says, separators=(",", ":")))
    yield f'<div class="card ahead" id="ahead" hidden data-days="{data}">'
    yield '<label for="day">Move to see the days ahead</label>'
    yield f'<input id="day" type="range" min="0" max="{len(dates) - 1}" value="0" step="1">'
    yield '<output for="day" aria-live="polite"></output></div>'
