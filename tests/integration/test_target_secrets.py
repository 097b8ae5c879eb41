import json
import logging

import boto3
import pytest
from botocore.config import Config

from tests.support.log_lines import LogLines
from tests.support.template_resources import TemplateResources
from vbs_reaper.aws.target_secrets import TargetSecrets
from vbs_reaper.errors import InvalidSecret

CANARY = "canary-7f3a"


@pytest.fixture
def secrets(resources: TemplateResources) -> TargetSecrets:
    return TargetSecrets(boto3.client("secretsmanager"), resources.secret_prefix)


def store(resources: TemplateResources, target: str, text: str) -> None:
    boto3.client("secretsmanager").create_secret(Name=f"{resources.secret_prefix}/{target}", SecretString=text)


def test_the_newest_version_is_read_and_not_logged(
    resources: TemplateResources, secrets: TargetSecrets, caplog: pytest.LogCaptureFixture, log_lines: LogLines
) -> None:
    caplog.set_level(logging.DEBUG)
    store(resources, "otc-prod", "old")
    text = json.dumps({"auth": {"password": CANARY}})
    new = boto3.client("secretsmanager").put_secret_value(SecretId="vbs-reaper/otc-prod", SecretString=text)
    stored = secrets.read("otc-prod")
    assert (stored.version_id, stored.text.reveal()) == (new["VersionId"], text)
    caplog.clear()
    secrets.read("otc-prod")
    assert CANARY not in caplog.text + log_lines.text()


def test_a_missing_or_deleted_secret_is_refused_by_name(resources: TemplateResources, secrets: TargetSecrets) -> None:
    with pytest.raises(InvalidSecret, match='target "otc-prod": secret vbs-reaper/otc-prod does not exist; create it'):
        secrets.read("otc-prod")
    store(resources, "otc-prod", CANARY)
    boto3.client("secretsmanager").delete_secret(SecretId="vbs-reaper/otc-prod")
    with pytest.raises(InvalidSecret, match="secret vbs-reaper/otc-prod is scheduled for deletion; restore it"):
        secrets.read("otc-prod")


@pytest.mark.usefixtures("aws")
def test_an_unreachable_secrets_manager_is_reported() -> None:
    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client("secretsmanager", endpoint_url="http://127.0.0.1:9", config=once)
    with pytest.raises(InvalidSecret, match=r"Secrets Manager fails \(EndpointConnectionError\)"):
        TargetSecrets(client, "vbs-reaper").read("otc-prod")
