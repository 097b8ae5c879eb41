"""One local stack and one simulated cloud for all tests. Each test creates its own backups and target."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

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


@pytest.fixture
def nights(cloud: Cloud) -> list[str]:
    """Ten nightly backups of one volume, newest first, with IDs that no earlier plan contains."""
    now, volume_id = datetime.now(UTC), str(uuid4())
    return [
        cloud.add_backup(
            id=str(uuid4()), volume_id=volume_id, name=f"daily-{age}", created_at=now - timedelta(days=age, hours=1)
        )
        for age in range(10)
    ]


@pytest.fixture
def plan(stack: LocalStack, target: str, nights: list[str]) -> dict[str, Any]:
    """A previewed plan with seven due backups. Its policy and target have the name of the test."""
    policy = {"policy": target, "target": target, "match": {"name": "daily-*"}, "keep": {"last": 3}}
    return stack.invoke({"run": policy}, function="Purger")
