"""Failures of an execution environment: nothing is acknowledged, and the next environment continues."""

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.runtime.artefacts import Artefacts
from tests.runtime.batch_response import deleted
from tests.runtime.emulator import Execution, Invocation, running
from tests.support.poller import Poller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation
from tests.support.template_resources import TemplateResources

FIRST, SECOND = "11111111-2222-4333-8444-555555555551", "11111111-2222-4333-8444-555555555552"
ONE_CALL_S = 10
"""The timeout of a call."""
SHORTEST_S = 35
"""A record starts only with 30 s left, so a shorter timeout interrupts none."""
TOO_SHORT_S = 20

Load = Callable[[str], dict[str, Any]]
Batch = tuple[dict[str, Any], set[str]]


@pytest.fixture
def batch(resources: TemplateResources) -> Batch:
    """Two requests, received from the queue for the second time, and their message IDs."""
    sqs = boto3.client("sqs")
    for backup_id in (FIRST, SECOND):
        sqs.send_message(QueueUrl=resources.delete_queue_url, MessageBody=json.dumps({"backup_id": backup_id}))
    event = Poller(sqs, resources.delete_queue_url).receive()
    for record in event["Records"]:
        two_minutes_ago = str(int(record["attributes"]["SentTimestamp"]) - 120_000)
        second = {"ApproximateReceiveCount": "2", "ApproximateFirstReceiveTimestamp": two_minutes_ago}
        record["attributes"] |= second
    return event, {record["messageId"] for record in event["Records"]}


def assert_nothing_is_acknowledged(invocation: Invocation, batch: set[str]) -> None:
    assert len(batch) == 2
    assert deleted(invocation, batch) == set()


def test_a_timeout_during_a_batch_acknowledges_nothing_and_the_next_environment_ends_all(
    as_built: Execution, cloud: Cloud, batch: Batch, fresh: Load, tmp_path: Path
) -> None:
    event, ids = batch
    cloud.faults.add(Fault(operation=Operation.SHOW, backup_id=SECOND, delay_s=ONE_CALL_S / 2))
    with running(replace(as_built, timeout_s=SHORTEST_S), tmp_path) as deleter:
        deleter.invoke(fresh("deleter/direct"))  # so that the initialization does not count for the batch
        frozen = in_background(lambda: deleter.invoke(event))
        wait_until(lambda: SECOND in {call.backup_id for call in cloud.journal.calls})
        deleter.freeze()
        invocation = frozen()
        assert invocation.body == f"Task timed out after {SHORTEST_S}.00 seconds"
        assert_nothing_is_acknowledged(invocation, ids)
        assert deleted(deleter.invoke(event), ids) == ids
        assert deleter.printed().count("INIT START") == 2


def test_a_batch_without_enough_time_is_reported_completely_without_a_call(
    as_built: Execution, cloud: Cloud, batch: Batch, tmp_path: Path
) -> None:
    event, ids = batch
    with running(replace(as_built, timeout_s=TOO_SHORT_S), tmp_path) as deleter:
        invocation = deleter.invoke(event)
    assert {failure["itemIdentifier"] for failure in invocation.document["batchItemFailures"]} == ids
    assert_nothing_is_acknowledged(invocation, ids)
    assert not cloud.journal.calls


def test_an_exception_in_init_acknowledges_nothing(
    as_built: Execution, artefacts: Artefacts, batch: Batch, tmp_path: Path
) -> None:
    event, ids = batch
    task = tmp_path / "task"
    shutil.copytree(artefacts.function("DeleterFunction"), task)
    app = task / "app.py"
    app.write_text(app.read_text() + '\nraise RuntimeError("the disk is on fire")\n')
    with running(replace(as_built, task=task), tmp_path) as deleter:
        assert_nothing_is_acknowledged(deleter.invoke(event), ids)
        assert "the disk is on fire" in deleter.printed()


@pytest.mark.parametrize(
    ("layer_that_is_left", "missing"), [("DependenciesLayer", "vbs_reaper"), ("SharedLayer", "aws_lambda_powertools")]
)
def test_a_missing_layer_is_an_import_error_by_name_and_acknowledges_nothing(
    as_built: Execution, artefacts: Artefacts, batch: Batch, tmp_path: Path, layer_that_is_left: str, missing: str
) -> None:
    event, ids = batch
    with running(replace(as_built, layers=artefacts.layer(layer_that_is_left)), tmp_path) as deleter:
        assert_nothing_is_acknowledged(deleter.invoke(event), ids)
        assert "Runtime.ImportModuleError" in deleter.printed()
        assert f"No module named '{missing}'" in deleter.printed()


@pytest.mark.parametrize("name", ["DELETE_QUEUE_URL", "SECRET_PREFIX"])
def test_a_missing_variable_is_named_and_acknowledges_nothing(
    as_built: Execution, batch: Batch, tmp_path: Path, name: str
) -> None:
    event, ids = batch
    variables = {key: value for key, value in as_built.variables.items() if key != name}
    with running(replace(as_built, variables=variables), tmp_path) as deleter:
        for _ in range(2):  # a failed start is not cached
            invocation = deleter.invoke(event)
            assert invocation.document["errorType"] == "SettingsError"
            assert f"{name} is not set" in invocation.document["errorMessage"]
            assert_nothing_is_acknowledged(invocation, ids)


def test_the_environment_contains_only_the_packages_of_the_runtime(as_built: Execution, tmp_path: Path) -> None:
    task = tmp_path / "task"
    task.mkdir()
    (task / "app.py").write_text(
        "import importlib.metadata\n"
        "def lambda_handler(event, context):\n"
        "    return sorted(each.name for each in importlib.metadata.distributions())\n"
    )
    with running(replace(as_built, task=task, layers=tmp_path / "none"), tmp_path) as environment:
        found = set(environment.invoke({}).document)
    runtime = {"awslambdaric", "simplejson", "snapshot-restore-py"}
    botos = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
    assert found == runtime | botos


def in_background(call: Callable[[], Invocation]) -> Callable[[], Invocation]:
    """Start a call in a thread; return a function that waits for its end."""
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(call)
    pool.shutdown(wait=False)
    return lambda: future.result()


def wait_until(condition: Callable[[], bool]) -> None:
    last = time.monotonic() + ONE_CALL_S
    while not condition():
        assert time.monotonic() < last, "timed out"
        time.sleep(0.05)
