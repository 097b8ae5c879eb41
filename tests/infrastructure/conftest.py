"""The translated template as each kind of deployment sees it."""

import pytest

from tests.infrastructure.combinations import COMBINATIONS
from tests.infrastructure.rendered import Rendered


@pytest.fixture(scope="session", params=COMBINATIONS, ids=lambda given: f"with {len(given)} optional parameters")
def stack(request: pytest.FixtureRequest) -> Rendered:
    """The template with its defaults, with every optional parameter given, and with each pair of them."""
    return Rendered(request.param)
