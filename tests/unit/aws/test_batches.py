from collections.abc import Sequence

from hypothesis import given, strategies as st

from vbs_reaper.aws.batches import ENTRIES_LIMIT, SIZE_LIMIT, TRIES, Unsent, in_batches, send_all

SIZES = st.lists(st.integers(0, 2 * SIZE_LIMIT), max_size=40)


def own_size(size: int) -> int:
    return size


class Counter:
    """Accepts what a test sets, and records what it was given."""

    def __init__(self, *, turned_away: Sequence[set[str]]) -> None:
        self._turned_away = list(turned_away)
        self.calls: list[list[str]] = []

    def take(self, batch: Sequence[str]) -> list[Unsent[str]]:
        self.calls.append(list(batch))
        away = self._turned_away.pop(0) if self._turned_away else set()
        return [Unsent(entry, "InternalError") for entry in batch if entry in away]


@given(SIZES)
def test_cutting_into_batches_loses_nothing_and_keeps_the_order(sizes: list[int]) -> None:
    assert [size for batch in in_batches(sizes, own_size) for size in batch] == sizes


@given(SIZES)
def test_a_batch_never_exceeds_the_limits_of_a_call(sizes: list[int]) -> None:
    for batch in in_batches(sizes, own_size):
        assert 1 <= len(batch) <= ENTRIES_LIMIT
        assert sum(batch) <= SIZE_LIMIT or len(batch) == 1


def test_what_is_accepted_at_once_is_sent_once() -> None:
    counter = Counter(turned_away=[])
    assert send_all(["a", "b"], len, counter.take) == []
    assert counter.calls == [["a", "b"]]


def test_only_rejected_entries_are_sent_again() -> None:
    counter = Counter(turned_away=[{"b"}])
    assert send_all(["a", "b", "c"], len, counter.take) == []
    assert counter.calls == [["a", "b", "c"], ["b"]]


def test_entries_that_are_always_rejected_are_returned_after_a_few_tries() -> None:
    counter = Counter(turned_away=[{"b"}] * TRIES)
    assert send_all(["a", "b"], len, counter.take) == [Unsent("b", "InternalError")]
    assert counter.calls == [["a", "b"]] + [["b"]] * (TRIES - 1)


def test_nothing_to_send_makes_no_call() -> None:
    counter = Counter(turned_away=[])
    assert send_all([], len, counter.take) == []
    assert counter.calls == []
