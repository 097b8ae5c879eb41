"""Whether a text holds a marker, however both are spelled: what its owner wrote must not be missed."""

import re
from typing import Final
from unicodedata import normalize

_ESCAPED: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_CONTROLS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def contains(text: object, marker: str) -> bool:
    """Whether it is a text with the marker in it, blanks around the marker left out.

    VBS keeps a description as JSON in a string, where quotes, backslashes and all beyond ASCII may be escaped; and the
    same letters may be composed or not (Unicode, NFC).
    """
    if not isinstance(text, str):
        return False
    wanted = marker.strip()
    if wanted in text:
        return True
    if text.isascii() and "\\" not in text:
        return False
    return normalize("NFC", wanted) in normalize("NFC", _unescaped(text))


def _unescaped(text: str) -> str:
    """Without JSON's escapes, also where the JSON was cut short."""
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else _CONTROLS.get(found[2], found[2]), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
