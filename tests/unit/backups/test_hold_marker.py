"""A hold is recognized in any spelling."""

import json
import re
import string
import sys
from collections.abc import Callable
from unicodedata import category, normalize

import pytest
from hypothesis import given, strategies as st

from vbs_reaper.backups.backup import Backup
from vbs_reaper.backups.hold_marker import contains, is_empty_marker, is_hold_key

MARKERS = ["[hold]", "§behalten", 'do not delete: "legal"', "back\\slash", "Ünder", "🔒", " legal-hold "]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_is_seen_as_it_is_and_in_json_in_a_string(marker: str) -> None:
    for text in (marker, f"a {marker} b"):
        described = {"DESC": text, "INC": 0}
        assert contains(text, marker)
        assert contains(json.dumps(described), marker)
        assert contains(json.dumps(described, ensure_ascii=False), marker)
        assert contains(json.dumps(described)[:-12], marker), "a description may be cut short"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_marker_is_seen_whether_its_letters_are_composed_or_not(form: str) -> None:
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    assert contains(normalize(form, "für immer"), normalize(other, "für"))  # type: ignore[arg-type]


SPELLINGS = [
    "[HOLD] legal",
    "[Hold] x",
    "[ hold ] x",
    "[hold\u00a0]",
    "[\u2003hold\t]",
    "[\n hold\r\n]",
    "［hold］",  # noqa: RUF001  # full-width brackets
    "［ＨＯＬＤ］",  # noqa: RUF001  # full-width letters
    "﹇hold﹈",
    "[𝐡𝐨𝐥𝐝]",  # noqa: RUF001  # mathematical letters
    "[ⓗⓞⓛⓓ]",
    "[ho\u200bld]",
    "[\u2060hold\ufeff]",
    "[ho\u00adld]",
    "[h\u034fold]",
    "[hold\ufe0f]",
    "[hold\U000e0100]",
    "[ho\u3164ld]",
    "\u202e[hold]\u202c",
    "[h\u202aold]",
    "[\u200d hold \u200c]",
    "[ho\x00ld]",
    "[\u2800hold]",
    "&#91;hold&#93;",
    "&lbrack;HOLD&#x5D;",
]
"""Spellings of [hold] by typing, pasting or storing."""


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_any_spelling_of_the_marker_holds_and_may_itself_be_the_marker(spelling: str) -> None:
    for text in (spelling, f"before {spelling} after"):
        assert contains(text, "[hold]")
        assert contains(json.dumps({"DESC": text}), "[hold]")
        assert contains(json.dumps({"DESC": text}, ensure_ascii=False), "[hold]")
    marker = spelling.removesuffix(" x").removesuffix(" legal")
    assert marker.startswith("&") or contains("before [hold] after", marker)


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        *((text, "[hold]") for text in ("", "nothing", "[hol d]", "\\[hol", "hol", "(hold)", "[held]")),
        *((text, "[hold]") for text in (None, 7, ["[hold]"])),
        *((text, "keep") for text in ("bike epic", "ke ep", "k-e-e-p")),  # blanks within a word count
    ],
)
def test_what_has_no_marker_is_not_held(text: object, marker: str) -> None:
    assert not contains(text, marker)


@given(st.text(min_size=1).filter(str.strip), st.text(), st.text())
def test_any_marker_is_seen_in_any_description(marker: str, before: str, after: str) -> None:
    described = json.dumps({"DESC": f"{before} {marker.strip()} {after}"})
    assert contains(described, marker)


@given(st.text())
def test_any_text_can_be_checked(text: str) -> None:
    plain = normalize("NFKD", text).replace("[", "")
    assert not contains(plain, "[hold]") or {"\\", "&"} & set(plain)


CHARACTERS = range(sys.maxunicode + 1)


def test_no_invisible_character_hides_a_marker() -> None:
    invisible = [
        *(char for char in map(chr, CHARACTERS) if category(char) == "Cf"),
        *"\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u3164\uffa0\ufff0\ufff8\U000e0000\U000e0fff",
        *map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))),
        *(char for char in map(chr, range(0xA0)) if category(char) == "Cc" and not char.isspace()),
    ]
    assert len(invisible) > 400
    hides = [hex(ord(char)) for char in invisible if not contains(f"[h{char}old]", "[hold]")]
    assert hides == []


def test_every_blank_may_stand_inside_the_brackets() -> None:
    blanks = [char for char in map(chr, CHARACTERS) if char.isspace()]
    assert len(blanks) > 20
    assert [hex(ord(char)) for char in blanks if not contains(f"[{char}hold{char}{char}]", "[hold]")] == []


def test_case_folding_makes_no_punctuation() -> None:
    """So a text whose compatibility decomposition lacks a marker's punctuation does not contain the marker."""
    punctuation = set(string.punctuation)
    for char in map(chr, CHARACTERS[0x80:]):
        plain = normalize("NFKD", char)
        folded = plain.casefold()
        if folded != plain:
            assert punctuation & set(normalize("NFKD", folded)) == punctuation & set(plain), hex(ord(char))


def as_it_was(text: str, marker: str) -> bool:
    """Return whether the first version recognized the marker: every later version must too."""
    escaped = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
    controls = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
    wanted = marker.strip()
    if wanted in text:
        return True
    if text.isascii() and "\\" not in text:
        return False
    plain = escaped.sub(lambda found: chr(int(found[1], 16)) if found[1] else controls.get(found[2], found[2]), text)
    plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return normalize("NFC", wanted) in normalize("NFC", plain)


markers = st.text(min_size=1, max_size=6).filter(str.strip) | st.sampled_from(MARKERS)
pieces = st.lists(
    markers
    | st.text(max_size=4)
    | st.sampled_from(["\\u005b", "\\", "\\n", "&", "&#91;", "\u0301", "\u0327", "]", "ſ", "İ", "ͅ", "K"]),
    max_size=6,
)


@given(markers, pieces, st.booleans())
def test_what_was_held_before_is_still_held(marker: str, parts: list[str], has_marker: bool) -> None:
    text = "".join([*parts, marker.strip()] if has_marker else parts)
    for written in (text, normalize("NFD", text), json.dumps(text)):
        assert contains(written, marker) or not as_it_was(written, marker)


def in_full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


changes: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "title": str.title,
    "swapcase": str.swapcase,
    "full-width": in_full_width,
    "NFD": lambda text: normalize("NFD", text),
    "NFKC": lambda text: normalize("NFKC", text),
    "zero-width": "\u200b".join,
    "variation": lambda text: "".join(f"{char}\ufe0f" for char in text),
    "soft hyphen": "\u00ad".join,
    "blank inside": lambda text: re.sub(r"([\[\]!§-])", " \\1\u00a0", text),
    "wide blank": lambda text: text.replace(" ", " \u3000\n"),
}


@given(
    st.sampled_from(["[hold]", "legal-hold", "Nicht löschen!", "straße", "do not delete", "ΟΔΟΣ", "ﬁnal", "§ 9"]),  # noqa: RUF001
    st.lists(st.sampled_from(sorted(changes)), max_size=4),
    st.sampled_from(["", "x ", "– ", "2026-"]),
    st.sampled_from(["", " x", " 🙂", "!"]),
)
def test_every_spelling_of_a_marker_is_recognized(marker: str, ways: list[str], before: str, after: str) -> None:
    written = marker
    for way in ways:
        written = changes[way](written)
    assert contains(f"{before}{written}{after}", marker)
    assert contains(json.dumps({"DESC": f"{before}{written}{after}"}), marker)
    assert contains(f"{before}{marker}{after}", written)


EMPTY = ["", " ", "\u200b", "\u00ad \t", "\ufe0f\u3000", "\x00", "\u3164"]


@pytest.mark.parametrize("marker", [*EMPTY, *MARKERS, "x", "-", "\u0301"])
def test_a_marker_of_invisible_characters_is_empty(marker: str) -> None:
    assert is_empty_marker(marker) is (marker in EMPTY)


@pytest.mark.parametrize(
    "key",
    ["hold", "Hold", "HOLD", "hold ", " hold", "ho\u200bld", "ｈｏｌｄ", "hold\ufe0f", "\u00a0hold\n"],  # noqa: RUF001
)
def test_any_spelling_of_the_metadata_key_holds(key: str) -> None:
    assert is_hold_key(key)
    assert Backup(id="x", metadata={"other": "1", key: ""}).is_held("[hold]")


@pytest.mark.parametrize("key", ["", "holds", "on-hold", "[hold]", "ho ld", "withhold"])
def test_another_metadata_key_does_not_hold(key: str) -> None:
    assert not Backup(id="x", metadata={key: "hold", "note": "[hold]", "nested": {"hold": "1"}}).is_held("[hold]")
