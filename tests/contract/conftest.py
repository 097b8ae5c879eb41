"""Each test once per peer; the real one only where it was asked for (`-m openstack`)."""

from collections.abc import Iterator

import pytest

from tests.contract.openstack_peer import OpenStackPeer
from tests.contract.peer import Peer
from tests.contract.simulator_peer import SimulatorPeer
from tests.contract.visitor import Visitor
from tests.openstack.cloud import Cloud
from tests.support.simulator.server import Simulator

PEERS = ["simulator", pytest.param("openstack", marks=pytest.mark.openstack)]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "openstack: needs real Keystone and Cinder")


@pytest.fixture(scope="session")
def simulator() -> Iterator[Peer]:
    with Simulator().running() as cloud:
        yield SimulatorPeer(cloud)


@pytest.fixture(scope="session")
def openstack() -> Iterator[Peer]:
    with Cloud() as cloud:
        yield OpenStackPeer(cloud)


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Peer:
    there: Peer = request.getfixturevalue(request.param)
    there.reset()
    return there


@pytest.fixture
def visitor(peer: Peer) -> Iterator[Visitor]:
    with Visitor(peer) as somebody:
        yield somebody
