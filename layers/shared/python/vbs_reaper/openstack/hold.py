"""Whether a backup is on hold: its owner's marker is found however marker and text are spelled."""

import html
import re
import string
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from unicodedata import normalize

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
"""Format characters (category Cf), default-ignorable characters such as variation selectors, and control characters
that are not blanks: none of them can be seen (Unicode, DerivedCoreProperties.txt)."""
_BLANKS: Final = re.compile("[\\s\u2800]+")
_SPARE_BLANKS: Final = re.compile(r"(?<!\w) | (?!\w)")
"""Blanks that do not separate two words."""
_ASCII_PUNCTUATION: Final = frozenset(string.punctuation)
_ROUNDS: Final = 5
"""Normalisation and case folding do not commute; a few rounds reach the form that neither changes."""


@dataclass(frozen=True, slots=True)
class _Marker:
    plain: str
    composed: str
    folded: str
    rare: str
    """One character of `folded`, if possible ASCII punctuation: most texts do not contain it, in whatever spelling."""
    capital: str
    """The same in upper case."""

    def is_ruled_out(self, text: str) -> bool:
        """A cheap test for most texts; False only means that the texts must be compared."""
        if text.isascii():
            return self.rare not in text and self.capital not in text
        return self.rare in _ASCII_PUNCTUATION and self.rare not in normalize("NFKD", text)


def contains(text: object, marker: str) -> bool:
    """Whether `text` is a string that contains `marker`, ignoring blanks around the marker.

    Case, compatibility variants, invisible characters and the number of blanks do not matter, nor do blanks beside
    punctuation. VBS keeps a description as JSON in a string, where any character may be escaped, and some consoles
    store HTML entities: both are also compared without the escapes.
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
    """Whether a marker has no visible character, so that every text would contain it."""
    return not _read_marker(marker).folded


@lru_cache(maxsize=1024)
def is_hold_key(key: str) -> bool:
    """Whether a metadata key is `hold` in any spelling. Cached: backups have few different keys."""
    return _fold(key) == "hold"


@lru_cache(maxsize=64)
def _read_marker(marker: str) -> _Marker:
    plain, folded = marker.strip(), _fold(marker)
    rare = next((char for char in folded if char in _ASCII_PUNCTUATION), folded[:1])
    return _Marker(plain=plain, composed=normalize("NFC", plain), folded=folded, rare=rare, capital=rare.upper())


def _fold(text: str) -> str:
    """The same text for all its spellings: decomposed, case folded, without invisible characters and spare blanks."""
    for _ in range(_ROUNDS):
        folded = _INVISIBLE.sub("", normalize("NFKD", text).casefold())
        if folded == text:
            break
        text = folded
    return _SPARE_BLANKS.sub("", _BLANKS.sub(" ", text))


def _unescaped(text: str) -> str:
    """Without JSON's escapes, also where the JSON was cut short."""
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _CONTROLS.get(found[2], found[2]), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
