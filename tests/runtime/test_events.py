"""Every file of events/ in the real runtime, and what Lambda would do with the response."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT
from tests.runtime.batch_response import deleted
from tests.runtime.conftest import TARGETS
from tests.runtime.emulator import Emulator, Execution, running
from tests.support.poller import Poller
from tests.support.simulator.cloud import Cloud
from tests.support.template_resources import TemplateResources

DELETER = sorted(path.stem for path in (ROOT / "events" / "deleter").glob("*.json"))
NIGHTS = 40
VOLUME = "7d2f3a10-58c4-4b7e-8f19-2c6a9e0b4d31"
NOT_CONFIGURED = "nobody-configured-this"

Load = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("name", [name for name in DELETER if name.startswith("sqs_")])
def test_a_batch_ends_in_an_empty_project_except_for_an_unknown_target(
    deleter: Emulator, cloud: Cloud, fresh: Load, name: str
) -> None:
    event = fresh(f"deleter/{name}")
    invocation = deleter.invoke(event)
    waiting = {record["messageId"] for record in event["Records"] if NOT_CONFIGURED in record["body"]}
    batch = {record["messageId"] for record in event["Records"]}
    assert deleted(invocation, batch) == batch - waiting, deleter.printed()
    assert set(invocation.document) == {"batchItemFailures"}
    assert not cloud.journal.deletes


def test_a_preview_stores_a_plan_and_requests_nothing(
    execution: Callable[[str], Execution], cloud: Cloud, resources: TemplateResources, event: Load, tmp_path: Path
) -> None:
    add_nights(cloud)
    with running(execution("PurgerFunction"), tmp_path) as purger:
        answer = purger.invoke(event("purger/preview")).document
    assert (answer["outcome"], answer["totals"]["backups"]) == ("planned", NIGHTS)
    assert boto3.client("s3").head_object(Bucket=resources.plans_bucket, Key=answer["document"])
    assert not Poller(boto3.client("sqs"), resources.delete_queue_url).receive()["Records"]


def test_a_purge_requests_what_is_due_in_its_plan(
    execution: Callable[[str], Execution], cloud: Cloud, resources: TemplateResources, event: Load, tmp_path: Path
) -> None:
    add_nights(cloud)
    purge = event("purger/purge")
    purge["run"]["guards"] = {"max_fraction": 1}
    with running(execution("PurgerFunction"), tmp_path) as purger:
        answer = purger.invoke(purge).document
    queued = Poller(boto3.client("sqs"), resources.delete_queue_url).count()
    assert queued["visible"] == answer["totals"]["due"] > 0


def test_an_approval_of_an_unknown_plan_sends_nothing(
    execution: Callable[[str], Execution], resources: TemplateResources, event: Load, tmp_path: Path
) -> None:
    with running(execution("PurgerFunction"), tmp_path) as purger:
        answer = purger.invoke(event("purger/approve")).document
    assert answer["outcome"] == "refused"
    assert not Poller(boto3.client("sqs"), resources.delete_queue_url).receive()["Records"]


def test_a_check_reports_on_every_target_it_names(
    execution: Callable[[str], Execution], event: Load, tmp_path: Path
) -> None:
    with running(execution("CheckerFunction"), tmp_path) as checker:
        answer = checker.invoke(event("checker/check")).document
    assert {report["target"]: report["healthy"] for report in answer["targets"]} == dict.fromkeys(TARGETS, True)


def test_every_file_of_events_for_a_function_is_tested_here() -> None:
    tested = {"purger": {"preview", "purge", "approve"}, "checker": {"check"}, "deleter": {*DELETER}}
    functions = {path.parent.name for path in ROOT.glob("functions/*/app.py")}
    assert {name: {path.stem for path in (ROOT / "events" / name).glob("*.json")} for name in functions} == tested


def add_nights(cloud: Cloud) -> None:
    now = datetime.now(UTC)
    for age in range(NIGHTS):
        created_at = now - timedelta(days=age, hours=1)
        cloud.add_backup(volume_id=VOLUME, name=f"daily-{age}", created_at=created_at)


def test_a_direct_request_is_answered_with_its_outcome(deleter: Emulator, fresh: Load) -> None:
    answer = deleter.invoke(fresh("deleter/direct")).document
    assert (answer["outcome"], answer["reason"]) == ("queued", "unconfirmed")


def test_the_deletion_of_an_existing_backup_is_requested(deleter: Emulator, cloud: Cloud, fresh: Load) -> None:
    event = fresh("deleter/sqs_bare")
    backup_id = json.loads(event["Records"][0]["body"])["backup_id"]
    cloud.add_backup(id=backup_id)
    assert deleter.invoke(event).body == '{"batchItemFailures": []}'
    assert [delete.backup_id for delete in cloud.journal.deletes] == [backup_id]


def test_logs_and_metrics_are_complete_json_lines_in_the_log(deleter: Emulator, fresh: Load) -> None:
    deleter.invoke(fresh("deleter/sqs_bare"))
    lines = [json.loads(line) for line in deleter.printed().splitlines() if line.startswith("{")]
    metrics = [line for line in lines if "_aws" in line]
    assert any("Outcomes" in line for line in metrics)
    assert any(line.get("message") == "backup already gone" for line in lines)
