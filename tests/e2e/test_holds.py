"""Holds and stops on the deployed stack, with the operator's permissions."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.embedded_aws import REGION
from tests.support.local.fixtures import WITHIN_S, FindLine
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from vbs_reaper.backups.holds import HOLDS

DUE = 7
HOUR_S = 3600.0
IN_A_ROW = 10


@pytest.fixture
def cli(stack: LocalStack, tmp_path: Path) -> OperatorCli:
    return OperatorCli(stack, tmp_path)


@pytest.fixture
def without_holds(stack: LocalStack) -> Iterator[None]:
    """Remove all holds and stops after the test."""
    yield
    s3, bucket = stack.aws.client("s3"), stack.outputs["PlansBucketName"]
    for found in s3.list_objects_v2(Bucket=bucket, Prefix=HOLDS).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=found["Key"])


def approve(stack: LocalStack, plan: dict[str, Any]) -> None:
    answer = stack.invoke({"approve": {"policy": plan["policy"], "plan": plan["plan"]}}, function="Purger")
    assert answer["requested"] == DUE


def test_an_operator_holds_lists_and_releases_what_a_plan_contains(
    cli: OperatorCli, plan: dict[str, Any], nights: list[str], without_holds: None
) -> None:
    code, stdout, stderr = cli.run("hold", "--backup", nights[4], "--until", "2199-12-31", "--reason", "audit")
    assert code == 0, stderr
    assert f'held: backup {nights[4]} ("daily-4", target {plan["target"]})' in stdout
    (held,) = json.loads(cli.run("holds", "--json")[1])["holds"]
    assert held["by"].endswith("user/operator")
    code, stdout, stderr = cli.run("release", held["name"], "--yes")
    assert code == 0, stderr
    assert stdout == f'released: backup {nights[4]} ("daily-4", target {plan["target"]})\n'
    assert json.loads(cli.run("holds", "--json")[1]) == {"holds": [], "ended": 0}


def test_the_bucket_denies_a_hold_encrypted_with_a_kms_key(stack: LocalStack, cli: OperatorCli) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.aws.url,
        verify=str(stack.aws.certificate),
        region_name=REGION,
        aws_access_key_id=cli.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cli.environment["AWS_SECRET_ACCESS_KEY"],
    )
    key = f"{HOLDS}backup/1d11c8b0-0b0a-4a5e-9c3e-2f6f0c6f7a11/released-00000000"
    bucket = stack.outputs["PlansBucketName"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}", IfNoneMatch="*", ServerSideEncryption="aws:kms")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}", IfNoneMatch="*")


def test_a_stop_lists_the_deletions_that_the_cloud_has_accepted(  # noqa: PLR0913  # fixtures
    cli: OperatorCli,
    plan: dict[str, Any],
    nights: list[str],
    cloud: Cloud,
    stack: LocalStack,
    log_line: FindLine,
    without_holds: None,
) -> None:
    cloud.change_settings(delete_seconds=HOUR_S)
    approve(stack, plan)
    for backup_id in nights[3:]:
        log_line(backup_id=backup_id, outcome="asked")
    words = ("stop", "--policy", plan["policy"], "--run", plan["run"][:13], "--reason", "wrong policy")
    code, stdout, stderr = cli.run(*words, "--json")
    assert code == 0, stderr
    stopped = json.loads(stdout)
    assert stopped["stop"]["id"] == f"{plan['policy']}/{plan['run']}"
    assert stopped["requests"]["withdrawn"] == 0
    assert sorted(stopped["requests"]["accepted"]) == sorted(nights[3:])
    code, stdout, _ = cli.run(*words)
    assert "accepted by the cloud, cannot be called back: 7 deletions" in stdout
    assert all(backup_id in stdout for backup_id in nights[3:])
    cloud.advance(HOUR_S)
    wait_until("all are gone", lambda: set(cloud.remaining()) == set(nights[:3]), within_s=WITHIN_S)


def test_a_stop_counts_the_requests_that_it_withdraws(
    cli: OperatorCli, plan: dict[str, Any], stack: LocalStack, without_holds: None
) -> None:
    assert cli.run("pause")[0] == 0
    try:
        approve(stack, plan)
        code, stdout, stderr = cli.run("stop", "--policy", plan["policy"], "--reason", "wrong policy", "--json")
        assert code == 0, stderr
        requests = json.loads(stdout)["requests"]
        assert (requests["withdrawn"], requests["undelivered"], requests["accepted"]) == (DUE, DUE, [])
        (name,) = (each["name"] for each in json.loads(cli.run("holds", "--json")[1])["holds"])
        assert cli.run("release", name[-8:], "--yes")[0] == 0
    finally:
        cli.run("resume")


def test_no_delete_is_sent_more_than_60_seconds_after_a_hold_was_written(
    cli: OperatorCli, stack: LocalStack, cloud: Cloud, target: str, began: datetime, without_holds: None
) -> None:
    """The first deletion makes the deleter cache a list without the hold; then requests arrive continuously."""
    volume_id = str(uuid4())  # holds are cached for 30 s, and the cloud assigns the same IDs in each test

    def request() -> str:
        backup_id = cloud.add_backup(id=str(uuid4()), volume_id=volume_id)
        return stack.send({"backup_id": backup_id, "target": target})

    request()
    wait_until("one is deleted", lambda: cloud.journal.deletes, within_s=WITHIN_S)
    held_after = datetime.now(UTC)
    assert cli.run("hold", "--volume", volume_id, "--reason", "audit", "--unseen")[0] == 0
    sent: set[str] = set()

    def are_refused() -> bool:
        """Return whether all environments know the hold: the last ten decisions about a DELETE are refusals."""
        sent.add(request())
        log = [line for line in stack.log().documents(began) if line.get("request_id") in sent]
        decided = [line["outcome"] for line in log if line.get("outcome") in {"asked", "refused"}]
        return len(decided) >= IN_A_ROW and set(decided[-IN_A_ROW:]) == {"refused"}

    wait_until("every environment refuses", are_refused, within_s=WITHIN_S)
    late = [delete for delete in cloud.journal.deletes if delete.at > held_after + timedelta(seconds=60)]
    assert not late
    assert cloud.remaining()
