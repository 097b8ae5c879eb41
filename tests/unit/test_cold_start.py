"""No garbage is looked for while a function is wired, and again from then on."""

import gc
from collections.abc import Iterator

import pytest

from vbs_reaper.cold_start import wiring


@pytest.fixture
def collections() -> Iterator[list[str]]:
    """Every collection that begins."""
    begun: list[str] = []

    def listen(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            begun.append(phase)

    gc.callbacks.append(listen)
    yield begun
    gc.callbacks.remove(listen)
    gc.unfreeze()


def build() -> list[list[int]]:
    return [[number] for number in range(100_000)]


def test_no_garbage_is_looked_for_while_a_function_is_wired(collections: list[str]) -> None:
    build()
    assert collections, "so much is collected several times otherwise"
    collections.clear()
    with wiring():
        kept = build()
    assert not collections
    assert gc.get_freeze_count() > len(kept), "it is left out of later collections"


def test_garbage_is_looked_for_again_though_the_wiring_failed(collections: list[str]) -> None:
    with pytest.raises(KeyError), wiring():
        raise KeyError("DELETE_QUEUE_URL")
    collections.clear()
    build()
    assert collections
