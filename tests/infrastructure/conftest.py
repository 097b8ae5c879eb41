"""The translated template as each kind of deployment sees it."""

import pytest

from tests.infrastructure.rendered import AS_IT_COMES, WITH_EVERYTHING, Rendered


@pytest.fixture(params=[AS_IT_COMES, WITH_EVERYTHING], ids=["as it comes", "with everything"])
def stack(request: pytest.FixtureRequest) -> Rendered:
    """The template with its defaults, then with every optional parameter given."""
    return Rendered(request.param)
