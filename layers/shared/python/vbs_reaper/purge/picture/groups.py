"""Each group: its calendar, how far back one could still go, and every backup of it as a table."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from html import escape
from typing import Final

from vbs_reaper.purge.account import Group
from vbs_reaper.purge.ahead.forecast import Forecast
from vbs_reaper.purge.ahead.restore import restore_points
from vbs_reaper.purge.picture.calendar import calendar_of
from vbs_reaper.purge.picture.drawing import draw_strip
from vbs_reaper.purge.picture.marks import mark_of
from vbs_reaper.purge.picture.words import count
from vbs_reaper.purge.picture.words import day
from vbs_reaper.purge.picture.words import gib
from vbs_reaper.purge.picture.words import moment
from vbs_reaper.purge.picture.words import numbers_of
from vbs_reaper.purge.picture.words import table_head
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.zone import Micros
from vbs_reaper.purge.time.zone import Zone
from vbs_reaper.purge.time.zone import load_zone
from vbs_reaper.purge.time.zone import to_text

ROWS_LISTED: Final = 400
GROUPS_LISTED: Final = 1000


def draw_groups(plan: Plan, drawn: Mapping[str, Sequence[PlannedBackup]], ahead: Forecast) -> Iterator[str]:
    """The chosen groups in full, and all of them in a table where some were left out."""
    zone = load_zone(plan.policy.timezone)
    by_name = {group.name: group for group in plan.groups}
    yield '<h2 id="groups">Group by group</h2>'
    if len(drawn) < len(plan.groups):
        yield f'<p class="soft">{count(len(drawn), "group")} of {len(plan.groups):,} are drawn, those that lose most; '
        yield "the table at the end sums up all.</p>"
    for name, rows in drawn.items():
        yield from _group(plan, by_name[name], rows, zone, ahead)
    if len(drawn) < len(plan.groups):
        yield from _all_groups(plan)


def _group(plan: Plan, group: Group, rows: Sequence[PlannedBackup], zone: Zone, ahead: Forecast) -> Iterator[str]:
    sizes = sum(row.gib for row in rows if not row.keep)
    yield f'<section class="card"><div class="row"><h3>{escape(group.name)}</h3>'
    yield f'<span class="soft small">{group.kept:,} of {count(group.backups, "backup")} stay, '
    yield f"{group.backups - group.kept:,} go ({gib(sizes)})</span></div>"
    yield '<div class="pair">'
    yield from _points(rows, zone, plan)
    yield from _calendar(plan, group, rows, zone, ahead)
    yield "</div>"
    yield from _table(plan, group, rows, zone)
    yield "</section>\n"


def _calendar(plan: Plan, group: Group, rows: Sequence[PlannedBackup], zone: Zone, ahead: Forecast) -> Iterator[str]:
    calendar = calendar_of(rows, zone, plan.made_at)
    yield '<div class="cals">'
    for strip in calendar.strips:
        label = f"Calendar of {group.name}, {strip.weeks} weeks from {strip.start:%d %b %Y}; the table says the same"
        yield f'<div class="cal" tabindex="0" role="group" aria-label="{escape(label)}">'
        yield from draw_strip(strip, ahead.going, label)
        yield "</div>"
    if calendar.not_drawn:
        yield f'<p class="small soft">{count(calendar.not_drawn, "backup")} not drawn: too old, or undated.</p>'
    yield "</div>"


def _points(rows: Sequence[PlannedBackup], zone: Zone, plan: Plan) -> Iterator[str]:
    yield '<div class="back"><p class="small soft">How far back one could still go, and to which copy:</p>'
    yield '<dl class="points">'
    for point in restore_points(rows, zone, plan.made_at):
        best = (
            '<dd class="none">no copy that old</dd>' if point.best is None else f"<dd>{moment(point.best, zone)}</dd>"
        )
        yield f"<div><dt>{point.asked}, {day(point.wanted, zone)}</dt>{best}</div>"
    yield "</dl></div>"


def _table(plan: Plan, group: Group, rows: Sequence[PlannedBackup], zone: Zone) -> Iterator[str]:
    yield f'<details><summary>All {count(len(rows), "backup")} of this group</summary><div class="scroll">'
    yield table_head(f"Backups of {group.name}, newest first", ["made", "name", "fate", "reasons"], ["GiB"])
    for row in rows[:ROWS_LISTED]:
        yield _row(row, zone, plan.made_at)
    yield "</tbody></table></div>"
    if len(rows) > ROWS_LISTED:
        yield f'<p class="small soft">and {len(rows) - ROWS_LISTED:,} older ones</p>'
    yield "</details>"


def _row(row: PlannedBackup, zone: Zone, now: Micros) -> str:
    fate = mark_of(row, now).label
    if row.due_at is not None and not row.is_due(now):
        fate += f" on {day(row.due_at, zone)}"
    made = "unknown"
    if row.made_at is not None:
        made = f'<time datetime="{to_text(row.made_at)}">{moment(row.made_at, zone)}</time>'
    detail = f" ({escape(row.detail)})" if row.detail else ""
    return (
        f'<tr><td class="nowrap">{made}</td><td>{escape(row.name or "(no name)")}</td><td>{fate}</td>'
        f"<td><code>{', '.join(row.reasons)}</code>{detail}</td>{numbers_of(row.gib)}</tr>"
    )


def _all_groups(plan: Plan) -> Iterator[str]:
    listed = sorted(plan.groups, key=lambda group: (group.kept - group.backups, group.name))[:GROUPS_LISTED]
    yield '<details class="card"><summary>'
    yield f"The {len(listed):,} groups that lose most, of {len(plan.groups):,}</summary>"
    yield table_head("Counts of the policy's set", ["group"], ["backups", "stay", "go", "due now"])
    for group in listed:
        numbers = numbers_of(group.backups, group.kept, group.backups - group.kept, group.due)
        yield f'<tr><th scope="row" class="mono">{escape(group.name)}</th>{numbers}</tr>'
    yield "</tbody></table></details>"
