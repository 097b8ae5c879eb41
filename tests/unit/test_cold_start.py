"""Garbage collection is disabled until a function is initialized."""

import gc
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.cold import start
from vbs_reaper import cold_start
from vbs_reaper.cold_start import wiring


@pytest.fixture
def collections() -> Iterator[list[str]]:
    """Records every collection."""
    begun: list[str] = []

    def listen(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            begun.append(phase)

    gc.enable()
    gc.callbacks.append(listen)
    yield begun
    gc.callbacks.remove(listen)
    gc.unfreeze()


def build() -> list[list[int]]:
    return [[number] for number in range(100_000)]


def test_no_garbage_is_collected_while_a_function_is_initialized(collections: list[str]) -> None:
    build()
    assert collections, "so much is collected several times otherwise"
    collections.clear()
    with wiring():
        kept = build()
    assert not collections
    assert gc.get_freeze_count() > len(kept), "it is left out of later collections"


def test_garbage_collection_is_enabled_again_if_the_initialization_fails(collections: list[str]) -> None:
    with pytest.raises(KeyError), wiring():
        raise KeyError("DELETE_QUEUE_URL")
    collections.clear()
    build()
    assert collections


def test_no_garbage_is_collected_after_the_import(collections: list[str]) -> None:
    importlib.reload(cold_start)
    collections.clear()
    build()
    assert not collections
    with cold_start.wiring():
        pass
    build()
    assert collections


@pytest.mark.parametrize("app", sorted(Path("functions").glob("*/app.py")), ids=str)
def test_every_function_imports_it_before_everything_else(app: Path) -> None:
    first = next(line for line in app.read_text().splitlines() if line.startswith(("import ", "from ")))
    assert first == "from vbs_reaper.cold_start import wiring"


def test_functions_import_of_boto3_only_what_they_use() -> None:
    loaded = start("import functions.deleter.app, functions.purger.app, functions.checker.app").modules
    assert "botocore.session" in loaded
    assert {"boto3", "s3transfer"}.isdisjoint(loaded)
