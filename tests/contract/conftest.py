"""Runs each test once per peer, with real ones only on request (`-m openstack`, `make test-cloud`)."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.contract.cloud_peer import CloudPeer
from tests.contract.openstack_peer import OpenStackPeer
from tests.contract.peer import NewBackup, Peer
from tests.contract.peer_client import PeerClient
from tests.contract.real_target import real_target
from tests.contract.simulator_peer import SimulatorPeer
from tests.openstack.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

OPENSTACK = pytest.param("openstack", marks=pytest.mark.openstack)
PEERS = ["simulator", OPENSTACK]
KINDS = ["vbs", "cinder", "cbr"]
VOLUMES = [str(uuid4()) for _ in range(2)]
BACKUPS = [
    NewBackup(name=f"daily-{number}", created_at=datetime(2026, 11, 1 + number, 3, tzinfo=UTC), volume_id=volume_id)
    for number, volume_id in enumerate(VOLUMES * 3)
]
"""The backups of simulated targets and of the real servers."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "openstack: needs real Keystone and Cinder")
    config.addinivalue_line("markers", "get_only: sends only GET, so `make test-cloud` runs it against a real target")
    config.addinivalue_line("markers", "creates_one: makes one backup and deletes it; only with CREATE_ON")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "target" in metafunc.fixturenames:
        targets = ["real"] if real_target(metafunc.config) else [*KINDS, OPENSTACK]
        metafunc.parametrize("target", targets, indirect=True, scope="module")


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest) -> Iterator[CloudPeer]:
    """A target of one kind: simulated, on real servers, or that of `make test-cloud`."""
    if (real := real_target(request.config)) is not None:
        yield real.peer
    elif request.param == "openstack":
        peer: OpenStackPeer = request.getfixturevalue("openstack")
        peer.reset()
        for backup in BACKUPS:
            peer.write_backup(backup)
        with closing(CloudPeer(json.dumps(peer.target_secret()))) as target:
            yield target
    else:
        with Simulator(SimulatorSettings(delete_seconds=0.5)).running() as cloud:
            for backup in BACKUPS:
                SimulatorPeer(cloud).write_backup(backup)
            with closing(CloudPeer(json.dumps(cloud.target_secret(service=request.param)))) as target:
                yield target


@pytest.fixture
def create_on(request: pytest.FixtureRequest, target: CloudPeer) -> str:  # noqa: ARG001  # the target comes first
    """The volume to back up."""
    if (real := real_target(request.config)) is not None:
        return real.create_on or ""
    if request.node.callspec.params["target"] == "openstack":
        peer: OpenStackPeer = request.getfixturevalue("openstack")
        return peer.create_volume()
    return VOLUMES[0]


@pytest.fixture(scope="session")
def simulator() -> Iterator[Peer]:
    with Simulator().running() as cloud:
        yield SimulatorPeer(cloud)


@pytest.fixture(scope="session")
def openstack() -> Iterator[OpenStackPeer]:
    with Cloud() as cloud:
        yield OpenStackPeer(cloud)


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Peer:
    there: Peer = request.getfixturevalue(request.param)
    there.reset()
    return there


@pytest.fixture
def client(peer: Peer) -> Iterator[PeerClient]:
    with PeerClient(peer) as each:
        yield each
