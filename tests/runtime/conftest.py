"""Runs the built functions in the emulator of Lambda, with moto and the simulator in this process."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests.infrastructure.rendered import Rendered
from tests.integration.conftest import (
    aws,  # noqa: F401  # fixtures
    cloud,  # noqa: F401
    moto_url,  # noqa: F401
    resources,  # noqa: F401
)
from tests.runtime.artefacts import Artefacts
from tests.runtime.emulator import Emulator, Execution, running
from tests.support.simulator.cloud import Cloud
from tests.support.template_resources import TemplateResources

TARGETS = ("default", "otc-prod")

RUNTIME = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(RUNTIME):
            item.add_marker(pytest.mark.runtime)


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    return Artefacts(tmp_path_factory.mktemp("built"))


@pytest.fixture
def execution(artefacts: Artefacts, resources: TemplateResources, cloud: Cloud) -> Callable[[str], Execution]:
    """Return a function that describes the execution of a function of the template. Both targets use this cloud."""
    for target in TARGETS:
        boto3.client("secretsmanager").create_secret(
            Name=f"{resources.secret_prefix}/{target}", SecretString=json.dumps(cloud.target_secret())
        )
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    variables = {
        "DeleterFunction": resources.deleter_environment,
        "PurgerFunction": resources.purger_environment,
        # The other variables of the checker are those of the deleter. This ID exists only in a stack.
        "CheckerFunction": {**resources.deleter_environment, "DELETE_REQUESTS_MAPPING_ID": str(uuid4())},
    }
    return lambda logical_id: Execution(
        task=artefacts.function(logical_id),
        layers=artefacts.layers,
        variables={**aws, **variables[logical_id]},
        timeout_s=Rendered().resources[logical_id]["Properties"]["Timeout"],
    )


@pytest.fixture
def as_built(execution: Callable[[str], Execution]) -> Execution:
    """The execution of the deleter, which a test may change."""
    return execution("DeleterFunction")


@pytest.fixture
def deleter(as_built: Execution, tmp_path: Path) -> Iterator[Emulator]:
    with running(as_built, tmp_path) as emulator:
        yield emulator


@pytest.fixture
def fresh(event: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    """Return a function that loads a file of events/ as the second delivery of messages sent two minutes ago.

    A first delivery proves nothing about a backup that does not exist.
    """

    def load(name: str) -> dict[str, Any]:
        document = event(name)
        two_minutes_ago = str(int(datetime.now(UTC).timestamp() * 1000) - 120_000)
        for record in document.get("Records", []):
            record["attributes"] |= {
                "SentTimestamp": two_minutes_ago,
                "ApproximateFirstReceiveTimestamp": two_minutes_ago,
                "ApproximateReceiveCount": "2",
            }
        return document

    return load
