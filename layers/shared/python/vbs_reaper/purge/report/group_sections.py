"""The sections of the groups: calendar, restore points and a table of the backups for each of them."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from vbs_reaper.purge.calendar.zone import Micros, Zone, load_zone, to_text
from vbs_reaper.purge.forecast.forecast import Forecast
from vbs_reaper.purge.forecast.restore_points import restore_points
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_summary import Group
from vbs_reaper.purge.planned_backup import PlannedBackup, newest_name
from vbs_reaper.purge.report.calendar_strips import calendar_of
from vbs_reaper.purge.report.formatting import day, gib, moment, numbers_of, table_head
from vbs_reaper.purge.report.legend import mark_of
from vbs_reaper.purge.report.svg import draw_strip
from vbs_reaper.text import count

ROWS_LISTED: Final = 400
GROUPS_LISTED: Final = 1000


def draw_groups(plan: Plan, drawn: Mapping[str, Sequence[PlannedBackup]], forecast: Forecast) -> Iterator[str]:
    """Write a section for each group in `drawn` and, if groups were left out, a table with the counts of all groups."""
    zone = load_zone(plan.policy.timezone)
    by_name = {group.name: group for group in plan.groups}
    yield '<h2 id="groups">Groups</h2>'
    if len(drawn) < len(plan.groups):
        yield f'<p class="soft">{count(len(drawn), "group")} of {len(plan.groups):,} are shown: those with the most '
        yield "deletions. The table at the end has the counts of more groups.</p>"
    for name, rows in drawn.items():
        yield from _group(plan, by_name[name], rows, zone, forecast)
    if len(drawn) < len(plan.groups):
        yield from _all_groups(plan)


def _group(plan: Plan, group: Group, rows: Sequence[PlannedBackup], zone: Zone, forecast: Forecast) -> Iterator[str]:
    sizes = sum(row.gib for row in rows if not row.keep)
    yield f'<section class="card"><div class="row"><h3>{escape(group.name)}{_newest_name(rows)}</h3>'
    yield f'<span class="soft small">{group.kept:,} of {count(group.backups, "backup")} kept, '
    yield f"{group.backups - group.kept:,} to be deleted ({gib(sizes)})</span></div>"
    yield '<div class="pair">'
    yield from _points(rows, zone, plan)
    yield from _calendar(plan, group, rows, zone, forecast)
    yield "</div>"
    yield from _table(plan, group, rows, zone)
    yield "</section>\n"


def _newest_name(rows: Sequence[PlannedBackup]) -> str:
    name = newest_name(rows)
    return f' <span class="soft small">newest copy: {escape(name)}</span>' if name else ""


def _calendar(plan: Plan, group: Group, rows: Sequence[PlannedBackup], zone: Zone, forecast: Forecast) -> Iterator[str]:
    calendar = calendar_of(rows, zone, plan.made_at)
    yield '<div class="cals">'
    for strip in calendar.strips:
        label = (
            f"Calendar of {group.name}, {strip.weeks} weeks from {strip.start:%d %b %Y}; the table has the same data"
        )
        yield '<div class="cal">'
        yield from draw_strip(strip, forecast.deletion_days, label)
        yield "</div>"
    if calendar.not_drawn:
        yield f'<p class="small soft">{count(calendar.not_drawn, "backup")} not shown: too old, dated in the future '
        yield "or without a date.</p>"
    yield "</div>"


def _points(rows: Sequence[PlannedBackup], zone: Zone, plan: Plan) -> Iterator[str]:
    yield '<div class="back"><p class="small soft">Moments that could still be restored, and from which copy:</p>'
    yield '<dl class="points">'
    for point in restore_points(rows, zone, plan.made_at):
        best = (
            '<dd class="none">no copy that old</dd>' if point.best is None else f"<dd>{moment(point.best, zone)}</dd>"
        )
        yield f"<div><dt>{point.label}, {day(point.wanted, zone)}</dt>{best}</div>"
    yield "</dl></div>"


def _table(plan: Plan, group: Group, rows: Sequence[PlannedBackup], zone: Zone) -> Iterator[str]:
    yield f"<details><summary>All {count(len(rows), 'backup')} of this group</summary>"
    # A region that scrolls must be reachable with the keyboard (WCAG 2.1.1).
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="Backups of {escape(group.name)}">'
    yield table_head(
        f"Backups of {group.name}, newest first", ["created", "name", "verdict", "reasons", "backup ID"], ["GiB"]
    )
    for row in rows[:ROWS_LISTED]:
        yield _row(row, zone, plan.made_at)
    yield "</tbody></table></div>"
    if len(rows) > ROWS_LISTED:
        yield f'<p class="small soft">and {len(rows) - ROWS_LISTED:,} older backups</p>'
    yield "</details>"


def _row(row: PlannedBackup, zone: Zone, now: Micros) -> str:
    verdict = mark_of(row, now).label
    if row.due_at is not None and not row.is_due(now):
        verdict += f" on {day(row.due_at, zone)}"
    created = "unknown"
    if row.made_at is not None:
        created = f'<time datetime="{to_text(row.made_at)}">{moment(row.made_at, zone)}</time>'
    detail = f" ({escape(row.detail)})" if row.detail else ""
    return (
        f'<tr><td class="nowrap">{created}</td><td>{escape(row.name or "(no name)")}</td><td>{verdict}</td>'
        f"<td><code>{', '.join(row.reasons)}</code>{detail}</td>"
        f"<td><code>{escape(row.id)}</code></td>{numbers_of(row.gib)}</tr>"
    )


def _all_groups(plan: Plan) -> Iterator[str]:
    listed = sorted(plan.groups, key=lambda group: (group.kept - group.backups, group.name))[:GROUPS_LISTED]
    yield '<details class="card"><summary>'
    yield f"The {len(listed):,} groups with the most deletions, of {len(plan.groups):,}</summary>"
    yield table_head("Backups matched by the policy", ["group"], ["backups", "kept", "to be deleted", "due now"])
    for group in listed:
        numbers = numbers_of(group.backups, group.kept, group.backups - group.kept, group.due)
        yield f'<tr><th scope="row" class="mono">{escape(group.name)}</th>{numbers}</tr>'
    yield "</tbody></table></details>"
