"""The page as a whole: what it says first, and in which order."""

import base64
import hashlib
from collections import Counter
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Sequence
from html import escape
from typing import Final

import msgspec

from vbs_reaper.deletion.reason import Reason
from vbs_reaper.purge.ahead.forecast import DAYS
from vbs_reaper.purge.ahead.forecast import forecast
from vbs_reaper.purge.document import sha256_of
from vbs_reaper.purge.picture.drawing import PATTERNS
from vbs_reaper.purge.picture.drawing import draw_guard
from vbs_reaper.purge.picture.drawing import draw_mark
from vbs_reaper.purge.picture.groups import draw_groups
from vbs_reaper.purge.picture.later import draw_later
from vbs_reaper.purge.picture.marks import Mark
from vbs_reaper.purge.picture.style import CSS
from vbs_reaper.purge.picture.style import SCRIPT
from vbs_reaper.purge.picture.words import count
from vbs_reaper.purge.picture.words import gib
from vbs_reaper.purge.picture.words import moment
from vbs_reaper.purge.picture.words import numbers_of
from vbs_reaper.purge.picture.words import table_head
from vbs_reaper.purge.plan import Plan
from vbs_reaper.purge.planned import PlannedBackup
from vbs_reaper.purge.time.zone import load_zone

GROUPS_DRAWN: Final = 40
BACKUPS_DRAWN: Final = 20_000


def write_page(plan: Plan) -> Iterator[str]:
    """The page in pieces. It holds everything it needs and asks for nothing."""
    drawn = drawn_groups(plan)
    shown = [row for rows in drawn.values() for row in rows]
    ahead = forecast(plan, shown, DAYS)
    yield from _head(plan)
    yield from _verdict(plan)
    yield from _guards(plan)
    yield from _difference(plan)
    yield from _advice(plan)
    yield from draw_later(plan, shown, ahead)
    yield from _legend()
    yield from draw_groups(plan, drawn, ahead)
    yield from _reasons(plan)
    yield from _foot(plan)


def drawn_groups(plan: Plan) -> dict[str, Sequence[PlannedBackup]]:
    """The groups that lose most, as many as a page can hold, by name; with what is shown beside them."""
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
    yield "It is a preview of what a run at that moment would ask for; nothing was deleted by it.</p>\n"


def _verdict(plan: Plan) -> Iterator[str]:
    totals = plan.totals
    if plan.exceeded:
        kind, says = (
            "refused",
            f"A guard would refuse this run: {'; '.join(guard.sentence for guard in plan.exceeded)}.",
        )
    elif totals.due:
        kind, says = (
            "goes",
            f"{count(totals.due, 'backup')} of {totals.backups:,} would go now and free {gib(totals.due_gib)}.",
        )
    elif totals.selected:
        kind, says = "goes", f"Nothing goes now; {count(totals.selected, 'backup')} would go when their grace is over."
    else:
        kind, says = "calm", "Nothing goes."
    yield f'<p class="verdict {kind}" role="status">{escape(says)}</p>\n<dl class="tiles">'
    waiting = totals.selected - totals.due
    for name, value, more in (
        ("listed", f"{totals.backups:,}", f"in {count(len(plan.groups), 'group')} of the policy"),
        ("the policy is about", f"{totals.matched:,}", "the guards count against these"),
        ("stay", f"{totals.kept:,}", gib(totals.kept_gib)),
        ("go now", f"{totals.due:,}", gib(totals.due_gib)),
        ("in their grace", f"{waiting:,}", gib(totals.selected_gib - totals.due_gib)),
    ):
        yield f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>"
    yield "</dl>\n"


def _guards(plan: Plan) -> Iterator[str]:
    yield '<h2 id="guards">Guards, and how near they were</h2><div class="card">'
    yield '<p class="small soft">A guard that is exceeded refuses the whole run. The upright line is the limit.</p>'
    yield '<ul class="guards">'
    for guard in plan.guards:
        bar = draw_guard(guard) if guard.applies else '<span class="soft">does not apply</span>'
        word = "<strong>refuses</strong>: " if guard.exceeded else ""
        yield _guard(guard.guard, bar, word + escape(guard.sentence))
    guards = plan.policy.guards
    least = guards.min_kept_per_group
    newest = "copy of every group always stays" if least == 1 else f"{least} copies of every group always stay"
    yield _guard("min_kept_per_group", "", f"the newest {newest}")
    if guards.max_newest_age:
        age = escape(guards.max_newest_age)
        yield _guard("max_newest_age", "", f"a group whose newest copy is older than {age} loses nothing")
    yield "</ul></div>\n"


def _guard(name: str, bar: str, says: str) -> str:
    return f"<li><b>{name}</b><span>{bar}</span><span>{says}</span></li>"


def _difference(plan: Plan) -> Iterator[str]:
    yield '<h2 id="new">New since the last plan</h2><div class="card">'
    change = plan.difference
    if change is None:
        yield '<p class="soft">There is no earlier plan to compare with.</p></div>\n'
        return
    zone = load_zone(plan.policy.timezone)
    yield f"<p>The last plan was made {moment(change.last_made_at, zone)}"
    yield "" if change.comparable else " by a policy that chose otherwise, so grace counts anew"
    yield f".</p><ul><li>{count(change.new_backups, 'backup')} came, {change.gone_backups:,} went</li>"
    yield f"<li>{change.newly_selected:,} are newly to go</li><li>{change.no_longer_selected:,} were to go and now stay"
    if change.spared:
        yield ': <span class="mono small">' + ", ".join(map(escape, change.spared[:10])) + "</span>"
        yield " …" if change.no_longer_selected > 10 else ""
    yield "</li></ul></div>\n"


def _advice(plan: Plan) -> Iterator[str]:
    if not plan.advice and not plan.warnings:
        return
    yield '<h2 id="advice">Advice</h2>'
    for sentence in (*plan.warnings, *(advice.sentence for advice in plan.advice)):
        yield f'<p class="note">{escape(sentence)}</p>'


def _legend() -> Iterator[str]:
    yield '<h2 id="legend">How to read the calendars</h2><div class="card"><ul class="legend">'
    for mark in Mark:
        yield f'<li>{draw_mark(mark)}<span><b class="vh">{mark.letter}</b> {mark.label}</span></li>'
    yield '</ul><p class="small soft">A square is a day of the policy\'s time zone. With several backups on a day it'
    yield " shows the one that stays longest; a red corner means that others of that day go.</p></div>\n"


def _reasons(plan: Plan) -> Iterator[str]:
    backups: Counter[Reason] = Counter()
    sizes: defaultdict[Reason, float] = defaultdict(float)
    for row in plan.backups:
        backups[row.reasons[0]] += 1
        sizes[row.reasons[0]] += row.gib
    yield '<h2 id="reasons">Every backup by its first reason</h2><div class="card scroll">'
    caption = "The plan's JSON names every backup with all its reasons."
    yield table_head(caption, ["reason", "what it says"], ["backups", "GiB"])
    for reason, number in sorted(backups.items(), key=lambda item: (-item[1], item[0].value)):
        yield f'<tr><th scope="row"><code>{reason}</code></th><td>{escape(reason.sentence)}</td>'
        yield f"{numbers_of(number, sizes[reason])}</tr>"
    yield "</tbody></table></div>\n"


def _foot(plan: Plan) -> Iterator[str]:
    policy = msgspec.json.format(msgspec.json.encode(plan.policy), indent=2).decode()
    yield f"<footer><details><summary>The policy</summary><pre>{escape(policy)}</pre></details>"
    yield f"<p>Service {plan.service}, hold marker <code>{escape(plan.hold_marker)}</code>. "
    yield f"The plan's sha256, by which it is approved:<br><code>{sha256_of(plan)}</code></p></footer>\n"
    yield f"</main><script>{SCRIPT}</script></body></html>\n"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
