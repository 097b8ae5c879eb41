"""A run that would not fit into the memory of the purger is refused, with the size to set."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.unit.purge.purge_world import World, assert_refused, previewed
from tests.unit.purge.strategies import nightly
from vbs_reaper.errors import RunRefused
from vbs_reaper.purge.memory import BASE_MB, BYTES_PER_BACKUP, MAX_MB, check_memory, needed_mb


@pytest.mark.parametrize(("backups", "needed"), [(0, 128), (100_000, 256), (490_000, 512), (1_000_000, 960)])
def test_a_run_needs_a_base_and_some_for_each_backup(backups: int, needed: int) -> None:
    assert needed_mb(backups) == needed


@given(st.integers(0, 10**7), st.integers(128, 10_240))
def test_a_refusal_names_a_size_that_is_enough(backups: int, memory_mb: int) -> None:
    size = needed_mb(backups)
    check_memory(backups, size)
    if size <= memory_mb:
        check_memory(backups, memory_mb)
        assert BASE_MB + backups * BYTES_PER_BACKUP / 1e6 <= memory_mb
        return
    with pytest.raises(RunRefused) as refused:
        check_memory(backups, memory_mb)
    assert (f"PurgerMemory to {size}" in str(refused.value)) == (size <= MAX_MB)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> World:
    """Five backups, each of which takes 100 MB."""
    monkeypatch.setattr("vbs_reaper.purge.memory.BYTES_PER_BACKUP", 10**8)
    world = World(nightly(5))
    world.cloud.page_size = 1
    return world


def with_memory(world: World, memory_mb: int | None) -> World:
    purger: Any = world._purger  # noqa: SLF001
    purger._memory_mb = memory_mb  # noqa: SLF001
    return world


def test_a_run_that_does_not_fit_counts_all_backups_and_stores_nothing(small_pages: World) -> None:
    world = with_memory(small_pages, 512)
    answer = world.run()
    assert_refused(world, answer, "memory_too_small", "5 listed backups", "PurgerMemory to 640", "has 512")
    assert world.plans.objects == {}


@pytest.mark.parametrize("memory_mb", [640, None])
def test_a_run_that_fits_is_planned(small_pages: World, memory_mb: int | None) -> None:
    assert with_memory(small_pages, memory_mb).run()["requested"] == 3


def test_a_list_that_begins_again_is_counted_again(small_pages: World) -> None:
    small_pages.cloud.shown_before_it_began_anew = nightly(4)
    assert with_memory(small_pages, 640).run()["requested"] == 3


def test_an_approval_that_does_not_fit_is_refused(small_pages: World) -> None:
    sha256 = previewed(small_pages)
    assert_refused(
        with_memory(small_pages, 512), small_pages.approve(sha256), "memory_too_small", "PurgerMemory to 640"
    )
