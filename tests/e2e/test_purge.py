"""Complete purges on the local stack, from a policy to deletions that the journal of the cloud proves."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.e2e.operator_cli import OperatorCli
from tests.support.local.embedded_aws import REGION
from tests.support.local.fixtures import WITHIN_S, FindLine
from tests.support.local.stack import LocalStack
from tests.support.local.waiting import wait_until
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation
from vbs_reaper.purge.plan_file import read_plan


@pytest.fixture
def policy(target: str) -> dict[str, Any]:
    """A policy that no other test uses, so that its plans are separate too."""
    return {
        "policy": target,
        "target": target,
        "mode": "purge",
        "match": {"name": "daily-*"},
        "keep": {"last": 3},
        "guards": {"max_fraction": 1},
    }


def nightly(cloud: Cloud, count: int, **fields: Any) -> list[str]:  # noqa: ANN401  # any field of a backup
    """Add nightly backups and return their IDs, newest first."""
    now = datetime.now(UTC)
    volume_id = cloud.new_id()
    return [
        cloud.add_backup(
            volume_id=volume_id, name=f"daily-{age}", created_at=now - timedelta(days=age, hours=1), **fields
        )
        for age in range(count)
    ]


def purge(stack: LocalStack, policy: dict[str, Any], **changes: object) -> dict[str, Any]:
    return stack.invoke({"run": policy | changes}, function="Purger")


def approve(stack: LocalStack, policy: dict[str, Any], plan: str) -> dict[str, Any]:
    return stack.invoke({"approve": {"policy": policy["policy"], "plan": plan}}, function="Purger")


def all_gone(cloud: Cloud, backup_ids: list[str]) -> None:
    wait_until(
        "all are gone", lambda: all(cloud.journal.is_gone(backup_id) for backup_id in backup_ids), within_s=WITHIN_S
    )


def empty(stack: LocalStack) -> None:
    wait_until("the queue is empty", lambda: all(stack.depth().total == 0 for _ in range(5)), within_s=WITHIN_S)


def test_a_preview_makes_only_get_calls(stack: LocalStack, cloud: Cloud, policy: dict[str, Any]) -> None:
    nightly(cloud, 6)
    answer = purge(stack, policy, mode="preview")
    assert (answer["outcome"], answer["totals"]["due"]) == ("planned", 3)
    assert {call.method for call in cloud.journal.calls if call.operation is not Operation.LOGIN} == {"GET"}
    assert stack.depth().total == 0


def test_a_purge_deletes_what_is_due_and_keeps_the_rest(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    nights = nightly(cloud, 10)
    neighbour = cloud.add_backup(name="weekly-1", created_at=datetime(2020, 1, 1, tzinfo=UTC))
    answer = purge(stack, policy)
    assert (answer["outcome"], answer["requested"]) == ("completed", 7)
    all_gone(cloud, nights[3:])
    assert set(cloud.remaining()) == {*nights[:3], neighbour}


def test_a_guard_refuses_until_the_plan_is_approved_and_backups_held_since_are_left_out(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    nights = nightly(cloud, 10)
    refused = purge(stack, policy, guards={"max_deletions": 2})
    assert refused["reason"] == "guard_exceeded"
    assert stack.depth().total == 0
    cloud.hold(nights[5])
    approved = approve(stack, policy, refused["plan"])
    assert (approved["requested"], approved["left_out"]["reasons"]) == (6, {"held": 1})
    all_gone(cloud, [each for each in nights[3:] if each != nights[5]])
    empty(stack)
    assert set(cloud.remaining()) == {*nights[:3], nights[5]}
    assert [letter for letter in stack.dead_letters() if nights[5] in letter.body] == []
    assert approve(stack, policy, refused["plan"])["outcome"] == "already_sent"


def change(cloud: Cloud, nights: list[str], became: str) -> None:
    """Change the oldest backup, or remove its survivor, the newest."""
    if became == "renamed":
        cloud.change_backup(nights[3], name="daily-other")
    elif became == "of another volume":
        cloud.change_backup(nights[3], volume_id=cloud.new_id())
    else:
        cloud.remove_backup(nights[0])


@pytest.mark.parametrize("became", ["renamed", "of another volume", "survivor gone"])
def test_a_deletion_that_became_wrong_between_plan_and_delivery_is_superseded(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any], became: str, tmp_path: Path, log_line: FindLine
) -> None:
    nights = nightly(cloud, 4)
    cli = OperatorCli(stack, tmp_path)
    assert cli.run("pause")[0] == 0
    try:
        assert purge(stack, policy)["requested"] == 1
        change(cloud, nights, became)
    finally:
        assert cli.run("resume")[0] == 0
    assert log_line(backup_id=nights[3], outcome="superseded")["reason"] == "expectation_failed"
    assert not [each for each in stack.dead_letters() if nights[3] in each.body]
    assert cloud.status_of(nights[3]) == "available"


@pytest.mark.parametrize(
    ("became", "reason"),
    [
        ("renamed", "expectation_failed"),
        ("of another volume", "expectation_failed"),
        ("survivor gone", "keep_last"),
    ],
)
def test_a_deletion_that_became_wrong_between_plan_and_approval_is_not_requested(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any], became: str, reason: str
) -> None:
    nights = nightly(cloud, 4)
    plan = purge(stack, policy, mode="preview")["plan"]
    change(cloud, nights, became)
    answer = approve(stack, policy, plan)
    assert (answer["requested"], answer["left_out"]["backups"]) == (0, [{"id": nights[3], "reason": reason}])
    assert stack.depth().total == 0


def test_the_plan_and_its_picture_are_encrypted_in_the_bucket_of_the_stack(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    nightly(cloud, 6)
    answer = purge(stack, policy, mode="preview")
    s3, bucket = stack.aws.client("s3"), stack.outputs["PlansBucketName"]
    plan = read_plan(s3.get_object(Bucket=bucket, Key=answer["document"])["Body"].read())
    assert plan.sha256 == answer["plan"]
    picture = s3.get_object(Bucket=bucket, Key=answer["picture"])["Body"].read().decode()
    assert answer["plan"] in picture
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]


def test_a_user_with_all_s3_permissions_cannot_write_or_delete_a_plan(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    nightly(cloud, 6)
    answer = purge(stack, policy, mode="preview")
    iam, bucket = stack.aws.client("iam"), stack.outputs["PlansBucketName"]
    iam.create_user(UserName="s3-admin")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="s3-admin", PolicyName="s3", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="s3-admin")["AccessKey"]
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.aws.url,
        verify=str(stack.aws.certificate),
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(proxies={}),
    )
    assert s3.get_object(Bucket=bucket, Key=answer["document"])["Body"].read()
    s3.put_object(Bucket=bucket, Key="elsewhere", Body=b"{}")
    for call in (
        lambda: s3.put_object(Bucket=bucket, Key="plans/nightly/tonight.json", Body=b"{}", IfNoneMatch="*"),
        lambda: s3.put_object(Bucket=bucket, Key=answer["document"], Body=b"{}"),
        lambda: s3.delete_object(Bucket=bucket, Key=answer["document"]),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_a_further_schedule_with_the_exported_role_runs_a_policy_once(
    stack: LocalStack, cloud: Cloud, policy: dict[str, Any]
) -> None:
    nights = nightly(cloud, 5)
    name = stack.outputs["PurgerFunctionName"]
    arn = stack.aws.client("lambda").get_function_configuration(FunctionName=name)["FunctionArn"]
    when = datetime.now(UTC) + timedelta(seconds=2)
    stack.aws.client("scheduler").create_schedule(
        Name=policy["policy"],
        ScheduleExpression=f"at({when:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": arn,
            "RoleArn": stack.outputs["PurgeScheduleRoleArn"],
            "Input": json.dumps({"run": policy, "scheduled_time": f"{when:%Y-%m-%dT%H:%M:%SZ}"}),
        },
    )
    all_gone(cloud, nights[3:])
    assert set(cloud.remaining()) == set(nights[:3])
