"""A pytest plugin that makes the tests of targets use only one real target."""

from dataclasses import dataclass

import pytest

from tests.contract.cloud_peer import CloudPeer


@dataclass(frozen=True, eq=False)
class RealTarget:
    """The plugin. `create_on` is the volume that may be backed up, or None."""

    peer: CloudPeer
    create_on: str | None


def real_target(config: pytest.Config) -> RealTarget | None:
    """Return the target of `make test-cloud`, or None."""
    return next((each for each in config.pluginmanager.get_plugins() if isinstance(each, RealTarget)), None)
