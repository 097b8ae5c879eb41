"""One local stack and one simulated cloud for the whole tier; each test brings backups and a target of its own."""

from collections.abc import Iterator

import pytest

from tests.support.local.fixtures import WITHIN_S, began, drained, letter, log_line, stack, target_name
from tests.support.local.stack import LocalStack
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

__all__ = ["WITHIN_S", "began", "drained", "letter", "log_line", "stack", "target_name"]


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    simulator = Simulator(SimulatorSettings(delete_seconds=0.3))
    with simulator.running():
        yield simulator


@pytest.fixture
def cloud(simulator: Simulator, stack: LocalStack, drained: None) -> Cloud:
    simulator.cloud.reset()
    stack.forget_logins()
    return simulator.cloud


@pytest.fixture
def target(stack: LocalStack, cloud: Cloud, target_name: str) -> str:
    stack.store_secret(target_name, cloud.target_secret())
    return target_name
