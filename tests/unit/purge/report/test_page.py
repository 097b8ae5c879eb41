"""The page: self-contained, the same bytes for the same plan, safe against hostile names, and it sums up."""

import base64
import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings

from tests.unit.purge.strategies import (
    DAY,
    NOW,
    Record,
    backup_id,
    inventory,
    make_plan,
    nightly,
    policies,
    record,
    records,
)
from vbs_reaper.purge.plan import Plan, plan
from vbs_reaper.purge.plan_file import encode_plan, read_plan, sha256_of
from vbs_reaper.purge.policy import PurgePolicy
from vbs_reaper.purge.report.html_page import GROUPS_DRAWN, write_page
from vbs_reaper.purge.report.legend import Mark
from vbs_reaper.purge.report.style import CSS

VOID = {"meta", "input", "br", "rect", "path", "line", "circle"}


def page(made: Plan) -> str:
    return "".join(write_page(made))


class Checker(HTMLParser):
    """Fails on tags that do not close where they should."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    @classmethod
    def check(cls, text: str) -> set[str]:
        """The tags of a page."""
        checker = cls()
        checker.feed(text)
        checker.close()
        assert checker.open == []
        return checker.seen


def page_of(rows: list[Record], **parts: Any) -> str:  # noqa: ANN401  # parts of a policy
    return page(make_plan(rows, **parts))


@pytest.fixture(scope="module")
def year() -> Plan:
    """The plan of 400 nights, of which one backup is on hold and one lacks its description."""
    rows = nightly(400, {30: {"description": "[hold]"}})
    del rows[31]["description"]
    keep = {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2, "within": "48h"}
    return make_plan(rows, keep=keep, guards={"max_fraction": 1})


@pytest.fixture(scope="module")
def year_page(year: Plan) -> str:
    return page(year)


@settings(max_examples=30)
@given(policies(), records(only_past=False))
def test_any_plan_makes_a_sound_page(policy: PurgePolicy, rows: list[Record]) -> None:
    Checker.check(page(plan(policy, inventory(rows), NOW)))


def test_the_same_plan_gives_the_same_bytes_also_when_it_was_stored_between(year: Plan, year_page: str) -> None:
    assert page(year) == page(read_plan(encode_plan(year))) == year_page


def test_nothing_is_fetched_from_anywhere(year_page: str) -> None:
    assert not re.search(r"https?:|\bsrc=|\bhref=|@import|url\((?!#)", year_page)
    assert "link" not in Checker.check(year_page)


def test_only_the_pages_own_style_and_script_may_run(year_page: str) -> None:
    text = unescape(year_page)
    for kind, part in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        (found,) = re.findall(part, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    assert not re.search(r"<[^>]* (style|on\w+)=", text)


def test_a_hostile_name_stays_text() -> None:
    text = page_of(nightly(3, name='daily"><script>alert(1)</script>', volume_id="<b>&"))
    assert "<script>alert" not in text
    assert "<b>&<" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count("<script>") == 1
    Checker.check(text)


@pytest.mark.parametrize(
    "words",
    [
        "<title>Wed 25 Nov 2026: kept by a yearly rule</title>",
        "<title>Mon 26 Oct 2026: kept: on hold</title>",
        "<title>Sun 25 Oct 2026: kept: a field is unknown or implausible</title>",
        "<title>Sat 24 Oct 2026: to be deleted now</title>",
        "<dt>a month ago, 25 Oct 2026</dt><dd>30 Sep 2026, 02:00</dd>",
        '<dt>a year ago, 25 Nov 2025</dt><dd class="none">no copy that old</dd>',
        "There is no earlier plan",
    ],
)
def test_the_page_says_the_fate_of_each_day_and_how_far_back_one_can_go(year_page: str, words: str) -> None:
    assert words in year_page


def test_the_verdict_guards_and_hash_are_told_unless_the_plan_is_not_stored() -> None:
    stored, loose = (make_plan(nightly(9), run=run, guards={"max_deletions": 3}) for run in ("r1", None))
    assert "A guard would refuse this run: 7 due, max_deletions 3 allows only 3" in page(stored)
    assert sha256_of(stored) in page(stored)
    assert sha256_of(loose) not in page(loose)
    assert "it is not stored and cannot be approved" in page(loose)


def test_the_policy_the_newest_name_and_every_id_are_told() -> None:
    rows = nightly(9, name="db-orders")
    text = unescape(page_of(rows, match={"name": "db-*"}, keep={"last": 2}))
    assert '<p>Of the available backups named "db-*", the policy keeps for each volume: the last 2. It deletes' in text
    assert "newest copy: db-orders</span></h3>" in text
    assert all(f"<td><code>{row['id']}</code></td>" in text for row in rows)


def test_the_legend_explains_the_marks_that_occur_and_no_others() -> None:
    text = page_of(nightly(9), keep={"last": 2})
    legend = text[text.index('class="legend"') : text.index("</ul>", text.index('class="legend"'))]
    assert re.findall('<b class="vh">(.)</b>', legend) == ["L", "x"]
    assert len({mark.letter for mark in Mark}) == len(Mark)


def test_a_calendar_is_announced_once_and_its_days_cannot_be_focused(year_page: str) -> None:
    assert len(re.findall('aria-label="Calendar of', year_page)) == year_page.count('<div class="cal">') > 1
    assert year_page.count("tabindex=") == year_page.count('class="scroll" tabindex="0"') > 0


def test_what_is_new_since_the_last_plan_is_told() -> None:
    last = make_plan(nightly(5), NOW - DAY)
    text = page_of(nightly(5, {4: {"description": "[hold]"}}), last=last)
    assert "<li>selected before, now kept: 1 <" in text
    assert backup_id(4) in text


def test_the_slider_says_what_will_have_gone_each_day_and_the_table_too() -> None:
    text = unescape(page_of(nightly(5)))
    (data,) = re.findall(r'data-days="(.*?\]\])"', text)
    days = json.loads(data)
    assert days[0] == ["Today", "3 backups deleted, 30 GiB freed"]
    assert days[1] == ["In 1 day, 26 Nov 2026", "4 backups deleted, 40 GiB freed"]
    assert days[45][1] == "5 backups deleted, 50 GiB freed"
    assert '<th scope="row">total</th><td class="n">5</td><td class="n">50</td>' in text


def test_a_page_of_very_many_groups_draws_some_and_sums_up_all() -> None:
    rows = [record(n, age=n // 2000 * DAY, volume_id=f"volume-{n % 2000:04}") for n in range(6000)]
    text = page_of(rows, guards={"max_fraction": 1})
    assert text.count("<section") == GROUPS_DRAWN
    assert f"{GROUPS_DRAWN} groups of 2,000 are shown" in text
    assert "volume-0999" in text
    assert len(text) < 3_000_000


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_plan_is_a_page_too(count: int) -> None:
    assert "Nothing would be deleted." in page_of(nightly(count))


def luminance(colour: str) -> float:
    """Relative luminance of a colour (WCAG 2.2)."""
    digits = "".join(digit * 2 for digit in colour) if len(colour) == 3 else colour
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def palettes() -> dict[str, dict[str, str]]:
    """The colours of the page in light and dark mode, and printed."""
    light, dark, printed = (
        dict(re.findall(r"--([\w-]+): #(\w+)", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    )
    return {"light": light, "dark": light | dark, "printed": light | printed}


@pytest.mark.parametrize("mode", ["light", "dark", "printed"])
def test_every_letter_and_text_has_a_contrast_of_at_least_4_5(mode: str) -> None:
    colours = palettes()[mode]
    soft = set(re.findall(r"\.(\w+) text", CSS[: CSS.index("fill: var(--onsoft)")].rpartition("}")[2]))
    pairs = [("card", "ink"), ("bg", "ink"), ("card", "soft"), ("bg", "soft"), ("warnbg", "ink"), ("card", "bad")]
    for mark in Mark:
        if mark is Mark.GOES:
            pairs += [("going", "goes-ink"), ("line-goes", "goes-ink")]
        elif mark is Mark.GRACE:
            pairs.append(("card", "ink"))  # the letter has an outline in this colour
        else:
            is_soft = mark.css in soft and not (mark is Mark.HELD and mode == "dark")
            pairs.append((mark.css, "onsoft" if is_soft else "onfirm"))
    measured = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in measured.items() if value < 4.5} == {}
