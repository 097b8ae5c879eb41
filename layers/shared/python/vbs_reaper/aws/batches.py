"""Batch calls of AWS: ten entries and so many bytes at most; each entry has an answer of its own."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from typing import Generic
from typing import TypeVar

ENTRIES_LIMIT: Final = 10
SIZE_LIMIT: Final = 256 * 1024
"""Bytes of one call: what SQS and EventBridge took before they took 1 MiB, so that every region takes it."""
TRIES: Final = 3

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Unsent(Generic[Entry]):
    """An entry AWS did not take, and the code it gave."""

    entry: Entry
    code: str


def send_all(
    entries: Sequence[Entry],
    size_of: Callable[[Entry], int],
    send: Callable[[Sequence[Entry]], list[Unsent[Entry]]],
) -> list[Unsent[Entry]]:
    """Send all entries, and again only those that were turned away, a few times; what is left is returned.

    `send` makes one call and returns what that call turned away; what it raises goes through.
    """
    left = list(entries)
    unsent: list[Unsent[Entry]] = []
    for _ in range(TRIES):
        unsent = [each for batch in in_batches(left, size_of) for each in send(batch)]
        left = [each.entry for each in unsent]
        if not left:
            break
    return unsent


def in_batches(entries: Sequence[Entry], size_of: Callable[[Entry], int]) -> Iterator[list[Entry]]:
    """Cut into calls that AWS accepts; an entry that is too large alone gets a call of its own."""
    batch: list[Entry] = []
    batch_size = 0
    for entry in entries:
        size = size_of(entry)
        if batch and (len(batch) == ENTRIES_LIMIT or batch_size + size > SIZE_LIMIT):
            yield batch
            batch, batch_size = [], 0
        batch.append(entry)
        batch_size += size
    if batch:
        yield batch
