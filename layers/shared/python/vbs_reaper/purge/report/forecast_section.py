"""The section about later runs: a slider that updates the calendars, and a table with the same data."""

import json
from collections.abc import Iterator, Sequence
from html import escape

from vbs_reaper.purge.calendar.zone import load_zone
from vbs_reaper.purge.forecast.forecast import Forecast
from vbs_reaper.purge.forecast.projection import DAY
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.report.formatting import day, gib, numbers_of, table_head
from vbs_reaper.text import count


def draw_later(plan: Plan, shown: Sequence[PlannedBackup], forecast: Forecast) -> Iterator[str]:
    """Write how many of the shown backups this run and later runs would delete, by day."""
    numbers, sizes = [0] * (forecast.days + 1), [0.0] * (forecast.days + 1)
    for row in shown:
        when = forecast.deletion_days.get(row.id)
        if when is not None:
            numbers[when] += 1
            sizes[when] += row.gib
    zone = load_zone(plan.policy.timezone)
    dates = [day(plan.made_at + days * DAY, zone) for days in range(forecast.days + 1)]
    yield '<h2 id="later">What later runs would delete</h2>'
    scope = "" if len(shown) >= plan.totals.matched else " in the groups shown"
    yield from _slider(dates, numbers, sizes, scope)
    yield '<div class="card"><p class="small soft">'
    yield "This forecast covers today's backups in the groups shown below. It assumes that each group continues to be "
    yield "backed up at its usual interval, that nothing else changes and that no guard refuses a run. A group that is "
    yield "no longer backed up loses no further backups by count rules.</p>"
    yield f"<details><summary>The next {forecast.days} days as a table</summary>"
    yield table_head("Deletions by day", ["day"], ["backups", "GiB"])
    for date, number, size in zip(dates, numbers, sizes, strict=True):
        if number:
            yield f'<tr><th scope="row">{date}</th>{numbers_of(number, size)}</tr>'
    yield f'<tr><th scope="row">total</th>{numbers_of(sum(numbers), sum(sizes))}</tr>'
    yield "</tbody></table></details></div>\n"


def _slider(dates: Sequence[str], numbers: Sequence[int], sizes: Sequence[float], scope: str) -> Iterator[str]:
    texts, deleted, freed = [], 0, 0.0
    for days, date in enumerate(dates):
        deleted, freed = deleted + numbers[days], freed + sizes[days]
        when = f"In {count(days, 'day')}, {date}" if days else "Today"
        texts.append([when, f"{count(deleted, 'backup')} deleted{scope}, {gib(freed)} freed"])
    data = escape(json.dumps(texts, separators=(",", ":")))
    yield f'<div class="card ahead" id="ahead" hidden data-days="{data}">'
    yield '<label for="day">Move the slider to see the coming days</label>'
    yield f'<input id="day" type="range" min="0" max="{len(dates) - 1}" value="0" step="1">'
    yield '<output for="day" aria-live="polite"></output></div>'
