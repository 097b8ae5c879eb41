"""The judge finds every planted bug."""

import pytest

from tests.simulation import planted, planted_in_purger  # noqa: F401  # they register bugs
from tests.simulation.planting import BUGS, plant
from tests.simulation.seeds import run_seed

SEEDS = 2000


def found(seed: int) -> bool:
    """Return whether a promise is broken. Exceptions of the planted code itself do not count."""
    wrongs = run_seed(seed).wrongs
    assert all(wrong.rule != "raised" for wrong in wrongs), wrongs
    return bool(wrongs)


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_within_two_thousand_seeds(bug: str) -> None:
    first = BUGS[bug].seed
    with plant(bug):
        assert any(found(seed) for seed in (*range(first, SEEDS + 1), *range(1, first)))
