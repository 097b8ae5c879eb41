"""Many backups of five hundred volumes: listed over HTTP, planned, stored and drawn in one invocation."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT
from tests.support.simulator.cloud import Cloud
from tests.support.template_resources import TemplateResources

BACKUPS = 100_000 if "PURGE_SCALE" in os.environ else 10_000
"""`make nightly` sets PURGE_SCALE."""
VOLUMES = 500
MOST_MB = 80 + 370 * BACKUPS // 100_000
"""Lambda gives the purger 512 MB. The limit grows with the number of backups, so the smaller test finds as much."""
POLICY = {
    "policy": "nightly",
    "match": {"name": "backup-*"},
    "keep": {"last": 3, "daily": 7, "weekly": 4, "monthly": 12},
    "grace": "7d",
}


def invoke(resources: TemplateResources, event: dict[str, Any]) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.integration.measured_purge"],
        input=json.dumps(event),
        env=os.environ | dict(resources.purger_environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.fixture
def full_cloud(cloud: Cloud) -> Cloud:
    """Many nights of every volume."""
    now = datetime.now(UTC)
    volumes = [cloud.new_id() for _ in range(VOLUMES)]
    for night in range(BACKUPS // VOLUMES):
        made_at = now - timedelta(days=night, hours=1)
        for volume_id in volumes:
            cloud.add_backup(volume_id=volume_id, name=f"backup-{night}", created_at=made_at)
    return cloud


def test_a_large_project_is_planned_within_the_functions_memory_also_beside_its_last_plan(
    full_cloud: Cloud, resources: TemplateResources
) -> None:
    boto3.client("secretsmanager").create_secret(
        Name=f"{resources.secret_prefix}/default", SecretString=json.dumps(full_cloud.target_secret())
    )
    first = invoke(resources, {"run": POLICY, "scheduled_time": "2026-11-25T03:00:00Z"})
    second = invoke(resources, {"run": POLICY, "scheduled_time": "2026-11-26T03:00:00Z"})
    for run in (first, second):
        assert run["answer"]["outcome"] == "planned"
        assert run["answer"]["totals"]["backups"] == BACKUPS
        assert run["peak_mb"] < MOST_MB
    assert len({first["answer"]["plan"], second["answer"]["plan"]}) == 2
    check_approval(full_cloud, resources, second["answer"])


def check_approval(full_cloud: Cloud, resources: TemplateResources, planned: dict[str, Any]) -> None:
    """Everything is held by now, so that an approval compares two whole plans and has nothing to send."""
    for backup_id in full_cloud.remaining():
        full_cloud.hold(backup_id)
    approval = {"policy": POLICY["policy"], "plan": planned["plan"], "include_grace": True}
    approved = invoke(resources, {"approve": approval})
    assert approved["answer"]["outcome"] == "completed"
    assert approved["answer"]["requested"] == 0
    assert approved["answer"]["left_out"]["count"] == planned["totals"]["selected"] > BACKUPS / 2
    assert approved["peak_mb"] < MOST_MB
