"""The translated template, evaluated for each combination of parameters."""

import pytest

from tests.infrastructure.combinations import COMBINATIONS
from tests.infrastructure.rendered import Rendered


@pytest.fixture(scope="session", params=COMBINATIONS, ids=lambda given: f"with {len(given)} optional parameters")
def stack(request: pytest.FixtureRequest) -> Rendered:
    """The template with its defaults, with all optional parameters, and with each pair of them."""
    return Rendered(request.param)
