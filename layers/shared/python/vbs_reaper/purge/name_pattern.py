"""Shell patterns of backup names: `*`, `?`, `[abc]`, `[a-z]`, `[!a-z]`, `[^a-z]`, as in `case` of a POSIX shell.

Source: POSIX.1-2024, XCU 2.14.1 and 2.14.2. POSIX leaves `[^...]` undefined; bash, ksh, zsh and the fnmatch of C
libraries read it as `[!...]`. As in `case`, and not as for file names, a leading dot and `/` are ordinary characters,
and `*` matches line breaks. Ranges compare code points, as in the locales C and C.UTF-8. Forms that shells interpret
differently, or that are probably mistakes, are rejected.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from vbs_reaper.errors import InvalidPattern
from vbs_reaper.text import printable

_CLASSES: Final = {":": "character class", "=": "equivalence class", ".": "collating symbol"}


def compile_patterns(patterns: Sequence[str]) -> Callable[[str], object]:
    """Return a function that matches a whole name against the patterns; its result is truthy if any of them matches.

    Raises:
        InvalidPattern: a pattern uses a form that is not supported.
    """
    return re.compile("|".join(map(_translate, patterns)), re.DOTALL).fullmatch


def _translate(pattern: str) -> str:
    """Translate the pattern into a regular expression.

    Each piece between two `*` is matched as early as possible and never again (atomic group). Pieces have a fixed
    length, so an earlier match is never worse, and no name can cause exponential run time.
    """
    pieces: list[str] = [""]
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "*":
            pieces.append("")
            position += 1
        elif char == "[":
            members, position = _read_set(pattern, position)
            pieces[-1] += members
        else:
            if char == "\\":
                raise InvalidPattern(r"has a backslash, which is not supported; write \* as [*], \? as [?], \[ as [[]")
            pieces[-1] += "." if char == "?" else re.escape(char)
            position += 1
    if len(pieces) == 1:
        return pieces[0]
    first, *inner, last = pieces
    return first + "".join(f"(?>.*?{piece})" for piece in inner if piece) + f".*{last}"


def _read_set(pattern: str, start: int) -> tuple[str, int]:
    """Translate the bracket expression at `start`; also return the position after it."""
    position = start + 1
    negated = pattern[position : position + 1] in ("!", "^")
    position += negated
    first = position
    members = ""
    # A "]" directly after the opening bracket is a member of the set.
    while position == first or pattern[position : position + 1] != "]":
        low = _member(pattern, position, start)
        position += 1
        if pattern[position : position + 1] != "-" or pattern[position + 1 : position + 2] in ("", "]"):
            members += _escaped(low)
            continue
        high = _member(pattern, position + 1, start)
        if high < low:
            raise InvalidPattern(f'has the range "{printable(f"{low}-{high}")}", which matches nothing; swap its ends')
        members += f"{_escaped(low)}-{_escaped(high)}"
        position += 2
    return f"[{'^' if negated else ''}{members}]", position + 1


def _member(pattern: str, position: int, start: int) -> str:
    char, following = pattern[position : position + 1], pattern[position + 1 : position + 2]
    if not char:
        raise InvalidPattern(
            f'has "{printable(pattern[start : start + 16])}" without a closing "]"; close it, or write [[] for the'
            ' character "["'
        )
    if char == "\\":
        raise InvalidPattern("has a backslash, which is not supported; list the characters of the set without it")
    if char == "[" and following in _CLASSES:
        form = pattern[position:].partition("]")[0]
        raise InvalidPattern(
            f'has the {_CLASSES[following]} "{printable(form[:32])}]", which is not supported; write characters or'
            ' ranges such as [0-9] or [A-Za-z], or, if the character "[" is meant, put it last in the set'
        )
    return char


def _escaped(char: str) -> str:
    return f"\\{char}" if char in "\\^-[]&~|" else char
