"""Many backups of many volumes: listed over HTTP, planned, stored and drawn in one invocation each."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT
from tests.support.simulator.cloud import Cloud
from tests.support.template_resources import TemplateResources

BACKUPS, VOLUMES = (100_000, 500) if "PURGE_SCALE" in os.environ else (5_000, 100)
"""`make nightly` sets PURGE_SCALE."""
MOST_MB = 80 + 370 * BACKUPS // 100_000
"""The purger has 512 MB in Lambda. The limit scales with the number of backups, so the smaller test is as strict."""
POLICY = {
    "policy": "nightly",
    "match": {"name": "backup-*"},
    "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12},
    "grace": "7d",
}


Invoke = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def invoke(resources: TemplateResources) -> Iterator[Invoke]:
    """Return a function that invokes the purger in one process, as in one execution environment."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.measured_purge"],
        env=os.environ | dict(resources.purger_environment),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        to, of = process.stdin, process.stdout
        assert to is not None
        assert of is not None

        def invoke(event: dict[str, Any]) -> dict[str, Any]:
            to.write(json.dumps(event) + "\n")
            to.flush()
            line = next(line for line in of if line.startswith("MEASURED "))
            found: dict[str, Any] = json.loads(line.removeprefix("MEASURED "))
            return found

        yield invoke
        to.close()


@pytest.fixture
def full_cloud(cloud: Cloud) -> Cloud:
    """A cloud with many backups of every volume."""
    now = datetime.now(UTC)
    volumes = [cloud.new_id() for _ in range(VOLUMES)]
    for night in range(BACKUPS // VOLUMES):
        made_at = now - timedelta(days=night, hours=1)
        for volume_id in volumes:
            cloud.add_backup(volume_id=volume_id, name=f"backup-{night}", created_at=made_at)
    return cloud


def test_a_large_project_is_planned_within_the_memory_of_the_function_even_with_a_last_plan(
    full_cloud: Cloud, resources: TemplateResources, invoke: Invoke
) -> None:
    boto3.client("secretsmanager").create_secret(
        Name=f"{resources.secret_prefix}/default", SecretString=json.dumps(full_cloud.target_secret())
    )
    first = invoke({"run": POLICY, "scheduled_time": "2026-11-25T03:00:00Z"})
    second = invoke({"run": POLICY, "scheduled_time": "2026-11-26T03:00:00Z"})
    for run in (first, second):
        assert run["answer"]["outcome"] == "planned"
        assert run["answer"]["totals"]["backups"] == BACKUPS
        assert run["peak_mb"] < MOST_MB
    assert len({first["answer"]["plan"], second["answer"]["plan"]}) == 2

    for backup_id in full_cloud.remaining():  # an approval then compares two whole plans and has nothing to send
        full_cloud.hold(backup_id)
    planned = second["answer"]
    approved = invoke({"approve": {"policy": POLICY["policy"], "plan": planned["plan"], "include_grace": True}})
    assert approved["answer"]["outcome"] == "completed"
    assert approved["answer"]["requested"] == 0
    assert approved["answer"]["left_out"]["count"] == planned["totals"]["selected"] > BACKUPS / 2
    assert approved["peak_mb"] < MOST_MB
