"""The page: self-contained, the same bytes for the same plan, safe against hostile names, and it sums up."""

import base64
import hashlib
import json
import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from tests.unit.purge.strategies import NOW, Record, backup_id, inventory, nightly, policies, policy, record, records
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
        checker = cls()
        checker.feed(text)
        checker.close()
        assert checker.open == []
        return checker.seen


def year(**fields: object) -> Plan:
    rows = nightly(400, **fields)
    rows[30]["description"] = "[hold]"
    del rows[31]["description"]
    keep = {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 2, "within": "48h"}
    return plan(policy(keep=keep, guards={"max_fraction": 1}), inventory(rows), NOW)


@settings(max_examples=30)
@given(policies(), records(only_past=False))
def test_any_plan_makes_a_sound_page(policy: PurgePolicy, rows: list[Record]) -> None:
    Checker.check(page(plan(policy, inventory(rows), NOW)))


def test_the_same_plan_gives_the_same_bytes_also_when_it_was_stored_between() -> None:
    assert page(year()) == page(year()) == page(read_plan(encode_plan(year())))


def test_nothing_is_fetched_from_anywhere() -> None:
    text = page(year())
    assert not re.search(r"https?:|\bsrc=|\bhref=|@import|url\((?!#)", text)
    assert "link" not in Checker.check(text)


def test_only_the_pages_own_style_and_script_may_run() -> None:
    text = unescape(page(year()))
    for kind, part in (("style", r"<style>(.*?)</style>"), ("script", r"<script>(.*?)</script>")):
        (found,) = re.findall(part, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(found.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    assert not re.search(r"<[^>]* (style|on\w+)=", text)


def test_a_hostile_name_stays_text() -> None:
    rows = nightly(3, name='daily"><script>alert(1)</script>', volume_id="<b>&")
    text = page(plan(policy(), inventory(rows), NOW))
    assert "<script>alert" not in text
    assert "<b>&<" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count("<script>") == 1
    Checker.check(text)


def test_every_fate_has_a_letter_of_its_own() -> None:
    assert len({mark.letter for mark in Mark}) == len(Mark)


def test_a_square_says_its_day_and_fate_in_words() -> None:
    text = page(year())
    assert "<title>Wed 25 Nov 2026: kept by a yearly rule</title>" in text
    assert "<title>Mon 26 Oct 2026: kept: on hold</title>" in text
    assert "<title>Sun 25 Oct 2026: kept: a field is unknown or implausible</title>" in text
    assert "<title>Sat 24 Oct 2026: to be deleted now</title>" in text


def test_the_page_says_how_far_back_one_can_go() -> None:
    text = page(year())
    assert "<dt>a month ago, 25 Oct 2026</dt><dd>30 Sep 2026, 02:00</dd>" in text
    assert '<dt>a year ago, 25 Nov 2025</dt><dd class="none">no copy that old</dd>' in text


def test_the_verdict_guards_and_hash_are_told() -> None:
    made = plan(policy(guards={"max_deletions": 3}), inventory(nightly(9)), NOW, run="r1")
    text = page(made)
    assert "A guard would refuse this run: 7 due, max_deletions 3 allows only 3" in text
    assert sha256_of(made) in text


def test_a_plan_that_is_not_stored_shows_no_hash_to_approve() -> None:
    made = plan(policy(), inventory(nightly(9)), NOW)
    assert sha256_of(made) not in page(made)
    assert "it is not stored and cannot be approved" in page(made)


def test_the_policy_the_newest_name_and_every_id_are_told() -> None:
    rows = nightly(9, name="db-orders")
    text = unescape(page(plan(policy(match={"name": "db-*"}, keep={"last": 2}), inventory(rows), NOW)))
    assert '<p>Of the available backups named "db-*", the policy keeps for each volume: the last 2. It deletes' in text
    assert "newest copy: db-orders</span></h3>" in text
    assert all(f"<td><code>{row['id']}</code></td>" in text for row in rows)


def test_the_legend_explains_the_marks_that_occur_and_no_others() -> None:
    text = page(plan(policy(keep={"last": 2}), inventory(nightly(9)), NOW))
    legend = text[text.index('class="legend"') : text.index("</ul>", text.index('class="legend"'))]
    assert re.findall('<b class="vh">(.)</b>', legend) == ["L", "x"]


def test_a_calendar_is_announced_once() -> None:
    text = page(year())
    assert len(re.findall('aria-label="Calendar of', text)) == text.count('<div class="cal">') > 1
    assert text.count("tabindex=") == text.count('class="scroll" tabindex="0"') > 0, (
        "the days of a calendar cannot be focused"
    )


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


def test_what_is_new_since_the_last_plan_is_told() -> None:
    last = plan(policy(), inventory(nightly(5)), NOW - timedelta(days=1))
    rows = nightly(5)
    rows[4]["description"] = "[hold]"
    text = page(plan(policy(), inventory(rows), NOW, last=last))
    assert "<li>selected before, now kept: 1 <" in text
    assert backup_id(4) in text
    assert "There is no earlier plan" in page(year())


def test_the_slider_says_what_will_have_gone_each_day_and_the_table_too() -> None:
    text = unescape(page(plan(policy(), inventory(nightly(5)), NOW)))
    (data,) = re.findall(r'data-days="(.*?\]\])"', text)
    days = json.loads(data)
    assert days[0] == ["Today", "3 backups deleted, 30 GiB freed"]
    assert days[1] == ["In 1 day, 26 Nov 2026", "4 backups deleted, 40 GiB freed"]
    assert days[45][1] == "5 backups deleted, 50 GiB freed"
    assert '<th scope="row">total</th><td class="n">5</td><td class="n">50</td>' in text


def test_a_page_of_very_many_groups_draws_some_and_sums_up_all() -> None:
    rows = [record(n, age=timedelta(days=n // 2000), volume_id=f"volume-{n % 2000:04}") for n in range(10_000)]
    text = page(plan(policy(guards={"max_fraction": 1}), inventory(rows), NOW))
    assert text.count("<section") == GROUPS_DRAWN
    assert f"{GROUPS_DRAWN} groups of 2,000 are shown" in text
    assert "volume-0999" in text
    assert len(text) < 3_000_000


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_plan_is_a_page_too(count: int) -> None:
    assert "Nothing would be deleted." in page(plan(policy(), inventory(nightly(count)), NOW))
