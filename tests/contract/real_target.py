"""Tells the tests of targets that they run against one real target, and against nothing else."""

from dataclasses import dataclass

import pytest

from tests.contract.cloud_peer import CloudPeer


@dataclass(frozen=True, eq=False)
class RealTarget:
    """A plugin of pytest. `create_on` is the volume of which a backup may be made; None: none may be made."""

    peer: CloudPeer
    create_on: str | None


def real_target(config: pytest.Config) -> RealTarget | None:
    """Return the target that `make test-cloud` has given; None if it has not."""
    return next((each for each in config.pluginmanager.get_plugins() if isinstance(each, RealTarget)), None)
