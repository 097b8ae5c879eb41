"""The servers, once for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.openstack.cloud import Cloud


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "openstack: needs real Keystone and Cinder")


@pytest.fixture(scope="session")
def running_cloud() -> Iterator[Cloud]:
    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: Cloud) -> Cloud:
    running_cloud.reset()
    return running_cloud
