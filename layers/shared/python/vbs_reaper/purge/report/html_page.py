"""The whole page: its sections in order."""

import base64
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import msgspec

from vbs_reaper.purge.calendar.zone import load_zone
from vbs_reaper.purge.forecast.forecast import DAYS, forecast
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.plan_file import sha256_of
from vbs_reaper.purge.planned_backup import PlannedBackup
from vbs_reaper.purge.report.forecast_section import draw_later
from vbs_reaper.purge.report.formatting import gib, moment, numbers_of, table_head
from vbs_reaper.purge.report.group_sections import draw_groups
from vbs_reaper.purge.report.legend import Mark, mark_of
from vbs_reaper.purge.report.policy_sentence import describe_policy
from vbs_reaper.purge.report.style import CSS, SCRIPT
from vbs_reaper.purge.report.svg import PATTERNS, draw_guard, draw_mark
from vbs_reaper.reasons import Reason
from vbs_reaper.text import count

GROUPS_DRAWN: Final = 40
BACKUPS_DRAWN: Final = 20_000


def write_page(plan: Plan) -> Iterator[str]:
    """Return the page in pieces. It is self-contained: it loads nothing."""
    drawn = drawn_groups(plan)
    shown = [row for rows in drawn.values() for row in rows]
    later = forecast(plan, shown, DAYS)
    yield from _head(plan)
    yield from _verdict(plan)
    yield from _guards(plan)
    yield from _difference(plan)
    yield from _advice(plan)
    yield from draw_later(plan, shown, later)
    yield from _legend(plan, shown, has_later_deletions=bool(later.deletion_days))
    yield from draw_groups(plan, drawn, later)
    yield from _reasons(plan)
    yield from _foot(plan)


def drawn_groups(plan: Plan) -> dict[str, Sequence[PlannedBackup]]:
    """Return the backups of the groups with the most deletions, by name of the group; as many as a page can hold."""
    order = sorted(plan.groups, key=lambda group: (group.kept - group.backups, group.name))
    chosen: set[str] = set()
    room = BACKUPS_DRAWN
    for group in order[:GROUPS_DRAWN]:
        if group.backups <= room or not chosen:
            chosen.add(group.name)
            room -= group.backups
    rows: dict[str, list[PlannedBackup]] = {name: [] for name in sorted(chosen)}
    for row in plan.backups:
        if row.group in rows:
            rows[row.group].append(row)
    return {name: found[:BACKUPS_DRAWN] for name, found in rows.items()}


def _head(plan: Plan) -> Iterator[str]:
    zone = load_zone(plan.policy.timezone)
    target = f" for {escape(plan.policy.target)}" if plan.policy.target else ""
    title = f"Purge plan {escape(plan.policy.policy)}{target}"
    allowed = f"default-src 'none'; style-src '{_hash(CSS)}'; script-src '{_hash(SCRIPT)}'; base-uri 'none'"
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{allowed}; form-action \'none\'">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{title}</title><style>{CSS}</style></head>\n<body>{PATTERNS}<main>\n"
    yield f'<h1>{title}</h1><p class="soft">Made {moment(plan.made_at, zone)} ({escape(zone.name)}). '
    yield "It shows which deletions a run at that moment would request; the plan itself deletes nothing.</p>"
    yield f"<p>{escape(describe_policy(plan.policy))}</p>\n"


def _verdict(plan: Plan) -> Iterator[str]:
    totals = plan.totals
    if plan.exceeded:
        css, sentence = (
            "refused",
            f"A guard would refuse this run: {'; '.join(guard.sentence for guard in plan.exceeded)}.",
        )
    elif totals.due:
        css, sentence = (
            "goes",
            f"{count(totals.due, 'backup')} of {totals.backups:,} would be deleted now, freeing {gib(totals.due_gib)}.",
        )
    elif totals.selected:
        css, sentence = (
            "goes",
            f"Nothing would be deleted now; {count(totals.selected, 'backup')} would be deleted when their grace ends.",
        )
    else:
        css, sentence = "calm", "Nothing would be deleted."
    yield f'<p class="verdict {css}" role="status">{escape(sentence)}</p>\n<dl class="tiles">'
    waiting = totals.selected - totals.due
    for name, value, more in (
        ("listed", f"{totals.backups:,}", f"the policy has {count(len(plan.groups), 'group')}"),
        ("matched", f"{totals.matched:,}", "max_fraction is a fraction of these"),
        ("kept", f"{totals.kept:,}", gib(totals.kept_gib)),
        ("to be deleted now", f"{totals.due:,}", gib(totals.due_gib)),
        ("in grace", f"{waiting:,}", gib(totals.selected_gib - totals.due_gib)),
    ):
        yield f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>"
    yield "</dl>\n"


def _guards(plan: Plan) -> Iterator[str]:
    yield '<h2 id="guards">Guards, and how close the plan is to them</h2><div class="card">'
    yield '<p class="small soft">An exceeded guard refuses the whole run. The vertical line is the limit.</p>'
    yield '<ul class="guards">'
    for guard in plan.guards:
        bar = draw_guard(guard) if guard.applies else '<span class="soft">does not apply</span>'
        word = "<strong>refuses</strong>: " if guard.exceeded else ""
        yield _guard(guard.guard, bar, word + escape(guard.sentence))
    guards = plan.policy.guards
    least = guards.min_kept_per_group
    newest = "copy of every group is always kept" if least == 1 else f"{least} copies of every group are always kept"
    yield _guard("min_kept_per_group", "", f"the newest {newest}")
    if guards.max_newest_age:
        age = escape(guards.max_newest_age)
        yield _guard(
            "max_newest_age", "", f"if the newest copy of a group is older than {age}, nothing of the group is deleted"
        )
    yield "</ul></div>\n"


def _guard(name: str, bar: str, text: str) -> str:
    return f"<li><b>{name}</b><span>{bar}</span><span>{text}</span></li>"


def _difference(plan: Plan) -> Iterator[str]:
    yield '<h2 id="new">Changes since the last plan</h2><div class="card">'
    change = plan.difference
    if change is None:
        yield '<p class="soft">There is no earlier plan to compare with.</p></div>\n'
        return
    zone = load_zone(plan.policy.timezone)
    yield f"<p>The last plan was made {moment(change.last_made_at, zone)}"
    yield "" if change.comparable else " with a policy that selects by other rules, so every grace starts again"
    yield f".</p><ul><li>{count(change.new_backups, 'backup')} added, {change.gone_backups:,} gone</li>"
    yield f"<li>newly selected for deletion: {change.newly_selected:,}</li>"
    yield f"<li>selected before, now kept: {change.no_longer_selected:,}"
    if change.spared:
        yield ' <span class="mono small">' + ", ".join(map(escape, change.spared[:10])) + "</span>"
        yield " …" if change.no_longer_selected > 10 else ""
    yield "</li></ul></div>\n"


def _advice(plan: Plan) -> Iterator[str]:
    if not plan.advice and not plan.warnings:
        return
    yield '<h2 id="advice">Advice</h2>'
    for sentence in (*plan.warnings, *(advice.sentence for advice in plan.advice)):
        yield f'<p class="note">{escape(sentence)}</p>'


def _legend(plan: Plan, shown: Sequence[PlannedBackup], *, has_later_deletions: bool) -> Iterator[str]:
    """Explain the marks of the shown backups, and of those that the slider marks as deleted."""
    used = {mark_of(row, plan.made_at) for row in shown} | ({Mark.GOES} if has_later_deletions else set())
    if not used:
        return
    yield '<h2 id="legend">How to read the calendars</h2><div class="card"><ul class="legend">'
    for mark in (mark for mark in Mark if mark in used):
        yield f'<li>{draw_mark(mark)}<span><b class="vh">{mark.letter}</b> {mark.label}</span></li>'
    yield '</ul><p class="small soft">Each square is a day in the policy\'s time zone. If a day has several backups, '
    yield "the square shows the one that is kept longest; a red corner means that others are to be deleted.</p></div>\n"


def _reasons(plan: Plan) -> Iterator[str]:
    backups: Counter[Reason] = Counter()
    sizes: defaultdict[Reason, float] = defaultdict(float)
    for row in plan.backups:
        backups[row.reasons[0]] += 1
        sizes[row.reasons[0]] += row.gib
    yield '<h2 id="reasons">All backups by their first reason</h2><div class="card scroll">'
    caption = "The plan's JSON lists every backup with all its reasons."
    yield table_head(caption, ["reason", "meaning"], ["backups", "GiB"])
    for reason, number in sorted(backups.items(), key=lambda item: (-item[1], item[0].value)):
        yield f'<tr><th scope="row"><code>{reason}</code></th><td>{escape(reason.sentence)}</td>'
        yield f"{numbers_of(number, sizes[reason])}</tr>"
    yield "</tbody></table></div>\n"


def _foot(plan: Plan) -> Iterator[str]:
    policy = msgspec.json.format(msgspec.json.encode(plan.policy), indent=2).decode()
    yield f"<footer><details><summary>The policy</summary><pre>{escape(policy)}</pre></details>"
    yield f"<p>Service {plan.service}, hold marker <code>{escape(plan.hold_marker)}</code>. "
    if plan.run is None:
        yield "This plan was made without a stack, so it is not stored and cannot be approved.</p></footer>\n"
    else:
        yield f"SHA-256 of the plan, by which it is approved:<br><code>{sha256_of(plan)}</code></p>"
        yield "<p>An approval lists the backups again. It leaves out what has changed, is needed now, or has become "
        yield "the last usable copy of its volume, and its answer states the reasons.</p></footer>\n"
    yield f"</main><script>{SCRIPT}</script></body></html>\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
