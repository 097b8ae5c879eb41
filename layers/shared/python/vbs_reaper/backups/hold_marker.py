"""Finds the mark by which an owner puts a backup on hold, in all its spellings."""

import html
import re
import string
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from unicodedata import normalize

HOLD_MARKER: Final = "[hold]"
"""The default marker."""

_ESCAPED: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_CONTROLS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

_INVISIBLE: Final = re.compile(
    "["
    "\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f\\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
    "]+"
)
"""Characters that are invisible: format characters (category Cf), default-ignorable characters such as variation
selectors, and control characters that are not whitespace (Unicode, DerivedCoreProperties.txt)."""
_BLANKS: Final = re.compile("[\\s\u2800]+")
_SPARE_BLANKS: Final = re.compile(r"(?<!\w) | (?!\w)")
"""Blanks that do not separate two words."""
_ASCII_PUNCTUATION: Final = frozenset(string.punctuation)
_ROUNDS: Final = 5
"""Normalization and case folding are not commutative. Repeating both a few times gives a form that neither changes."""


@dataclass(frozen=True, slots=True)
class _Marker:
    """A marker, prepared for fast comparison."""

    plain: str
    composed: str
    folded: str
    rare: str
    """One character of `folded`, if possible ASCII punctuation, which most texts do not contain in any spelling."""
    capital: str
    """`rare` in upper case."""

    def is_ruled_out(self, text: str) -> bool:
        """Return True if the text cannot contain the marker. Cheap; False means that the texts must be compared."""
        if text.isascii():
            return self.rare not in text and self.capital not in text
        return self.rare in _ASCII_PUNCTUATION and self.rare not in normalize("NFKD", text)


def contains(text: object, marker: str) -> bool:
    """Return whether `text` is a string that contains `marker`.

    The comparison ignores case, compatibility variants, invisible characters, the number of blanks, blanks beside
    punctuation, and blanks around the marker. VBS stores a description as JSON in a string, in which any character may
    be escaped, and some consoles store HTML entities. So the text is also compared with these escapes resolved.
    """
    if not isinstance(text, str):
        return False
    wanted = _read_marker(marker)
    if "\\" not in text and "&" not in text and wanted.is_ruled_out(text):
        return False
    if wanted.plain in text:
        return True
    spellings = [text]
    if "\\" in text or not text.isascii():
        spellings.append(_unescaped(text))
        if wanted.composed in normalize("NFC", spellings[1]):
            return True
    spellings += [html.unescape(spelling) for spelling in spellings if "&" in spelling]
    return any(wanted.folded in _fold(spelling) for spelling in spellings if not wanted.is_ruled_out(spelling))


def is_empty_marker(marker: str) -> bool:
    """Return whether a marker has no visible character. Every text would contain it."""
    return not _read_marker(marker).folded


@lru_cache(maxsize=1024)
def is_hold_key(key: str) -> bool:
    """Return whether a metadata key is `hold` in any spelling. Cached, because backups have few different keys."""
    return _fold(key) == "hold"


@lru_cache(maxsize=64)
def _read_marker(marker: str) -> _Marker:
    plain, folded = marker.strip(), _fold(marker)
    rare = next((char for char in folded if char in _ASCII_PUNCTUATION), folded[:1])
    return _Marker(plain=plain, composed=normalize("NFC", plain), folded=folded, rare=rare, capital=rare.upper())


def _fold(text: str) -> str:
    """Return a text that is equal for all spellings: decomposed, case folded, no invisible or spare characters."""
    for _ in range(_ROUNDS):
        folded = _INVISIBLE.sub("", normalize("NFKD", text).casefold())
        if folded == text:
            break
        text = folded
    return _SPARE_BLANKS.sub("", _BLANKS.sub(" ", text))


def _unescaped(text: str) -> str:
    """Return the text with JSON escapes resolved, also if the JSON is truncated."""
    plain = _ESCAPED.sub(lambda match: chr(int(match[1], 16)) if match[1] else _CONTROLS.get(match[2], match[2]), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
