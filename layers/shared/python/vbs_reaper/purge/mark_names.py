"""The keys of the marks beside a plan: `<run>.sent` and `<run>.grace.sent`, and their parts `<run>.sent.part`.

Whoever can write to the plan store may have taken a name. Then a number follows, such as `<run>.sent.1`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vbs_reaper.purge.ports import SentMark

NAMES: Final = 100
"""How many names a mark may have."""

_MARK: Final = re.compile(r"(?P<run>.+?)\.(?P<mark>sent|grace\.sent)(?P<part>\.part)?(?:\.[0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class MarkKey:
    """What the key of a mark says. `run` is the key without its ending, which is the same for all marks of a run."""

    run: str
    mark: SentMark
    is_part: bool


def read_mark_key(key: str) -> MarkKey | None:
    """Return what the key of a mark says; None if it is the key of another object."""
    found = _MARK.fullmatch(key)
    return None if found is None else MarkKey(found["run"], SentMark(found["mark"]), found["part"] is not None)


def endings_of(mark: SentMark, *, is_part: bool) -> Iterator[str]:
    """Yield how the key of a mark, or of a part of it, may end, in the order in which the endings are tried."""
    ending = f"{mark.value}.part" if is_part else mark.value
    yield ending
    yield from (f"{ending}.{number}" for number in range(1, NAMES))
