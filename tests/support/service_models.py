"""Caches the service models of botocore, because loading them takes longer than most tests."""

from functools import cache

import botocore.loaders
import pytest

_create_loader = cache(botocore.loaders.create_loader)


def share_service_models(patch: pytest.MonkeyPatch) -> None:
    """Make all sessions created during the patch share one cache."""
    patch.setattr("botocore.session.create_loader", _create_loader)
