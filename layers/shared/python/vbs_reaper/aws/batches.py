"""Batch calls of AWS: at most ten entries and a limited size per call, and a result for each entry."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

ENTRIES_LIMIT: Final = 10
SIZE_LIMIT: Final = 256 * 1024
"""Maximum bytes of one call. SQS and EventBridge accept 1 MiB by now, but not in every region."""
TRIES: Final = 3

Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class Unsent(Generic[Entry]):
    """An entry that AWS did not accept, and its error code."""

    entry: Entry
    code: str


def send_all(
    entries: Sequence[Entry],
    size_of: Callable[[Entry], int],
    send: Callable[[Sequence[Entry]], list[Unsent[Entry]]],
) -> list[Unsent[Entry]]:
    """Send all entries and retry those that were rejected, `TRIES` times in all. Returns the entries that remain.

    `send` makes one call and returns the entries that this call rejected. Its exceptions are not caught.
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
    """Split entries into calls that AWS accepts. An entry that is too large on its own gets its own call."""
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
