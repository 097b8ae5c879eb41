"""Splits the document of a stored plan, which arrives in pieces, so that it is never in memory as a whole.

This works only for canonical documents, in which every quotation mark inside a string is escaped, so that the
separators below cannot be part of a string. The reader of the parts finds out whether a document is canonical.
"""

from collections.abc import Iterable, Iterator
from typing import Final

_BEGIN: Final = b',"backups":['
_BETWEEN: Final = b'},{"created_at":'
"""`created_at` is the first member of a backup, because members are sorted."""
_END: Final = b'],"difference":'
_OVERLAP: Final = max(map(len, (_BEGIN, _BETWEEN, _END)))
"""How much of the text that was searched may be the beginning of a separator."""


class PlanPieces:
    """A document in three parts: what precedes the backups (`head`), the backups, and what follows them (`tail`).

    `tail` is empty until all backups were read. Of a document without backups, `head` is the whole document.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._text = bytearray()
        self.head = self._read_head()
        self.tail = b""

    def _read_head(self) -> bytes:
        text, searched = self._text, 0
        for piece in self._pieces:
            text += piece
            begin = text.find(_BEGIN, searched)
            if begin >= 0:
                return self._cut(begin + len(_BEGIN))
            searched = max(len(text) - _OVERLAP, 0)
        return self._cut(len(text))

    def rows(self) -> Iterator[bytes]:
        """Yield the backups, many at a time, without brackets. All but the first begin with the comma between them."""
        searched = 0
        while True:
            end = self._text.find(_END, searched)
            if end >= 0:
                if end:
                    yield self._cut(end)
                break
            between = self._text.rfind(_BETWEEN, searched)
            if between >= 0:
                yield self._cut(between + 1)
            searched = max(len(self._text) - _OVERLAP, 0)
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._text += piece
        self.tail = bytes(self._text) + b"".join(self._pieces)

    def _cut(self, end: int) -> bytes:
        part = bytes(self._text[:end])
        del self._text[:end]
        return part
