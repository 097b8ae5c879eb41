"""A run that would not fit into the memory of the purger is refused, with the size to set."""

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
def world(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Each of the five backups takes 100 MB."""
    monkeypatch.setattr("vbs_reaper.purge.memory.BYTES_PER_BACKUP", 10**8)
    world.cloud.page_size = 1
    return world


def test_a_run_or_approval_that_does_not_fit_counts_all_backups_and_stores_nothing(world: World) -> None:
    sha256 = previewed(world)
    world.start_environment(memory_mb=512)
    words = "5 listed backups", "PurgerMemory to 640", "has 512"
    assert_refused(world, world.approve(sha256), "memory_too_small", *words)
    world.plans.objects.clear()
    assert_refused(world, world.run(), "memory_too_small", *words)
    assert world.plans.objects == {}


@pytest.mark.parametrize("memory_mb", [640, None])
@pytest.mark.parametrize("before", [0, 4], ids=["listed once", "the list begins again"])
def test_a_run_that_fits_is_planned(world: World, memory_mb: int | None, before: int) -> None:
    world.cloud.shown_before_it_began_anew = nightly(before)
    world.start_environment(memory_mb=memory_mb)
    assert world.run()["requested"] == 3
