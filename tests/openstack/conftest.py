"""Starts the servers once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.openstack.cloud import Cloud
from tests.support.local.stack import LocalStack


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "openstack: needs real Keystone and Cinder")


@pytest.fixture(scope="session")
def running_cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: Cloud, request: pytest.FixtureRequest) -> Cloud:
    """The servers in their initial state. If the test uses a stack, its login slots are deleted too."""
    running_cloud.reset()
    if "stack" in request.fixturenames:
        stack: LocalStack = request.getfixturevalue("stack")
        stack.forget_logins()
    return running_cloud
