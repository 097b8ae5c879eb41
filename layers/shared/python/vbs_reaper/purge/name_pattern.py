"""Shell patterns of backup names: `*`, `?`, `[abc]`, `[a-z]`, `[!a-z]`, `[^a-z]`, read as by `case` in a POSIX shell.

Source: POSIX.1-2024, XCU 2.14.1 and 2.14.2. POSIX leaves `[^...]` undefined; bash, ksh, zsh and the fnmatch of C
libraries read it as `[!...]`. As in `case`, and not as for file names, a leading dot and `/` are ordinary characters,
and `*` matches line breaks. Ranges compare code points, as in the locales C and C.UTF-8. Forms that shells read
differently, or that are likely mistakes, are rejected, never read as something else.
"""

import re
from collections.abc import Callable
from collections.abc import Sequence
from typing import Final

from vbs_reaper.openstack.fault import printable

_CLASSES: Final = {":": "character class", "=": "equivalence class", ".": "collating symbol"}


class PatternRefused(ValueError):
    """The pattern uses a form that is not supported. The message names the form and what to write instead."""


def compile_patterns(patterns: Sequence[str]) -> Callable[[str], object]:
    """Return a function that tells whether any of the patterns matches a whole name.

    Raises:
        PatternRefused: one of them uses a form that is not supported.
    """
    return re.compile("|".join(map(_translate, patterns)), re.DOTALL).fullmatch


def _translate(pattern: str) -> str:
    """Return the pattern as a regular expression.

    Each piece between two `*` is matched as early as possible and never again (atomic group): pieces have a fixed
    length, so an earlier match is never worse, and no name takes exponential time.
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
                raise PatternRefused(r"has a backslash, which is not supported; write \* as [*], \? as [?], \[ as [[]")
            pieces[-1] += "." if char == "?" else re.escape(char)
            position += 1
    if len(pieces) == 1:
        return pieces[0]
    first, *inner, last = pieces
    return first + "".join(f"(?>.*?{piece})" for piece in inner if piece) + f".*{last}"


def _read_set(pattern: str, start: int) -> tuple[str, int]:
    """Read the bracket expression at `start`; also return the position after it."""
    position = start + 1
    negated = pattern[position : position + 1] in ("!", "^")
    position += negated
    first = position
    members = ""
    # A "]" directly after the opening is a member.
    while position == first or pattern[position : position + 1] != "]":
        low = _member(pattern, position, start)
        position += 1
        if pattern[position : position + 1] != "-" or pattern[position + 1 : position + 2] in ("", "]"):
            members += _escaped(low)
            continue
        high = _member(pattern, position + 1, start)
        if high < low:
            raise PatternRefused(f'has the range "{printable(f"{low}-{high}")}", which matches nothing; swap its ends')
        members += f"{_escaped(low)}-{_escaped(high)}"
        position += 2
    return f"[{'^' if negated else ''}{members}]", position + 1


def _member(pattern: str, position: int, start: int) -> str:
    char, following = pattern[position : position + 1], pattern[position + 1 : position + 2]
    if not char:
        raise PatternRefused(
            f'has "{printable(pattern[start : start + 16])}" without a closing "]"; close it, or write [[] for the'
            ' character "["'
        )
    if char == "\\":
        raise PatternRefused("has a backslash, which is not supported; name the characters of the set without it")
    if char == "[" and following in _CLASSES:
        form = pattern[position:].partition("]")[0]
        raise PatternRefused(
            f'has the {_CLASSES[following]} "{printable(form[:32])}]", which is not supported; write characters or'
            ' ranges such as [0-9] or [A-Za-z], or, if the character "[" is meant, put it last in the set'
        )
    return char


def _escaped(char: str) -> str:
    return f"\\{char}" if char in "\\^-[]&~|" else char
