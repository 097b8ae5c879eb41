"""`explain` shows the calls in the journal of the cloud, in order, except those that found no change."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.fixtures import WITHIN_S, FindLine
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Fault
from tests.support.simulator.journal import Operation

DELETE = ("DeleteBackup", "202")
IN_PROGRESS = ("ShowBackup", "200")
NAMES = {Operation.SHOW: "ShowBackup", Operation.DELETE: "DeleteBackup"}


@pytest.fixture
def cli(stack: LocalStack, tmp_path: Path) -> OperatorCli:
    return OperatorCli(stack, tmp_path)


def _calls_in_journal(cloud: Cloud, backup_id: str) -> list[tuple[str, str]]:
    """Return the calls about a backup, except those that only found its deletion in progress: these are not logged."""
    calls = [
        (NAMES[call.operation], str(call.status))
        for call in cloud.journal.calls
        if call.backup_id == backup_id and call.operation in NAMES
    ]
    accepted = calls.index(DELETE) if DELETE in calls else len(calls)
    return [call for number, call in enumerate(calls) if number <= accepted or call != IN_PROGRESS]


def _calls_shown(history: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (call["operation"], call["status"])
        for request in history["requests"]
        for line in request["passes"]
        for call in line["calls"]
    ]


def test_outage_revoked_token_busy_and_hold_are_shown_as_in_the_journal(
    cli: OperatorCli, stack: LocalStack, cloud: Cloud, target: str, log_line: FindLine
) -> None:
    backup_id = cloud.add_backup(id=str(uuid4()))  # the log is shared, and the cloud assigns the same IDs in each test
    cloud.inject(Fault(operation=Operation.SHOW, backup_id=backup_id, status=503, times=2))
    cloud.set_status(backup_id, "restoring")
    request = {"backup_id": backup_id, "target": target, "requested_by": "ann", "reason": "too old"}
    first = stack.send(request)
    log_line(request_id=first, reason="service_down")
    log_line(request_id=first, reason="busy")
    cloud.revoke_tokens()
    wait_until(
        "the revoked token was refused",
        lambda: ("ShowBackup", "401") in _calls_in_journal(cloud, backup_id),
        within_s=WITHIN_S,
    )
    cloud.hold(backup_id)
    cloud.set_status(backup_id, "available")
    log_line(request_id=first, outcome="refused")
    cloud.change_backup(backup_id, description="", metadata={})
    second = stack.send({"backup_id": backup_id, "target": target, "requested_by": "bob"})
    log_line(request_id=second, outcome="deleted")

    code, stdout, _ = cli.run("explain", backup_id, "--json")
    history = json.loads(stdout)
    assert code == 0
    assert _calls_shown(history) == _calls_in_journal(cloud, backup_id)
    assert [(each["request_id"], each["outcome"]) for each in history["requests"]] == [
        (first, "refused"),
        (second, "deleted"),
    ]
    code, stdout, _ = cli.run("explain", backup_id)
    assert code == 0
    for sentence in (
        f"Request 1 of 2: {first}",
        f'by ann, target "{target}".',
        "The reason given: too old",
        "The backup service or Keystone is down (service_down)",
        "The backup is being created, restored or used (busy): the backup is restoring.",
        "401",
        "again, with a new token: 200",
        "Refused: The backup is on hold (held)",
        f"Request 2 of 2: {second}",
        "The cloud has accepted the deletion.",
        "Deleted: this 404 proves it",
    ):
        assert sentence in stdout
    assert stdout.index("service_down") < stdout.index("(held)") < stdout.index("Request 2 of 2")


def test_a_deletion_of_a_purge_shows_its_policy_and_the_reason_in_the_plan(
    cli: OperatorCli, stack: LocalStack, cloud: Cloud, target: str, log_line: FindLine
) -> None:
    volume_id = cloud.new_id()
    old, new = (cloud.add_backup(id=str(uuid4()), volume_id=volume_id, name=f"daily-{number}") for number in (1, 2))
    policy = {"policy": target, "target": target, "match": {"name": "daily-*"}, "keep": {"last": 1}, "mode": "purge"}
    answer = stack.invoke({"run": policy}, function="Purger")
    log_line(backup_id=old, outcome="deleted")
    code, stdout, _ = cli.run("explain", old)
    assert code == 0
    assert f'The policy "{target}" selected the backup in its run {answer["run"]}' in stdout
    assert "(not_kept)" in stdout
    assert answer["plan"] in stdout
    assert f"observed the survivor {new}: 200" in stdout


def test_an_unknown_backup_or_stack_is_an_error(cli: OperatorCli, stack: LocalStack) -> None:
    backup_id = "0b5e4f6a-7c1d-4e2f-9a3b-0000000000ff"
    code, stdout, stderr = cli.run("explain", backup_id)
    assert (code, "contains nothing about backup" in stdout) == (2, True), stderr
    code, stdout, stderr = cli.run("explain", "latest")
    assert (code, stdout) == (1, "")
    assert "give a lower-case UUID" in stderr
    code, _, stderr = cli.run("explain", backup_id, "--since", "soon")
    assert (code, "is not a duration" in stderr) == (1, True)
    code, _, stderr = cli.run("explain", backup_id, stack="nowhere")
    assert (code, 'stack "nowhere"' in stderr) == (1, True)
