"""The descriptions of the AWS services. Reading them again for every test would take longer than most tests."""

from functools import cache

import botocore.loaders
import pytest

_create_loader = cache(botocore.loaders.create_loader)


def share_service_models(patch: pytest.MonkeyPatch) -> None:
    """Let the sessions that are made while the patch lasts read each description once."""
    patch.setattr("botocore.session.create_loader", _create_loader)
