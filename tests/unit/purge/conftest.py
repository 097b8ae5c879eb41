import pytest

from tests.unit.purge.purge_world import World
from tests.unit.purge.strategies import nightly


@pytest.fixture
def world() -> World:
    """Five nightly backups, of which the policy keeps two."""
    return World(nightly(5))
