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


def store(resources: TemplateResources, target: str, text: str) -> str:
    name = f"{resources.secret_prefix}/{target}"
    return boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)["VersionId"]


def test_a_secret_is_read_as_it_was_stored_with_its_version(
    resources: TemplateResources, secrets: TargetSecrets
) -> None:
    text = json.dumps({"auth": {"password": "caf\u00e9"}})
    version = store(resources, "otc-prod", text)
    stored = secrets.read("otc-prod")
    assert (stored.version_id, stored.text.reveal()) == (version, text)


def test_a_new_version_is_seen_at_once(resources: TemplateResources, secrets: TargetSecrets) -> None:
    old = store(resources, "otc-prod", "old")
    assert secrets.read("otc-prod").version_id == old
    new = boto3.client("secretsmanager").put_secret_value(SecretId="vbs-reaper/otc-prod", SecretString="new")
    stored = secrets.read("otc-prod")
    assert (stored.version_id, stored.text.reveal()) == (new["VersionId"], "new")


def test_a_secret_nobody_stored_is_refused_by_name(secrets: TargetSecrets) -> None:
    with pytest.raises(InvalidSecret, match='target "nobody": secret vbs-reaper/nobody does not exist; create it'):
        secrets.read("nobody")


def test_a_deleted_secret_is_refused_by_name(resources: TemplateResources, secrets: TargetSecrets) -> None:
    store(resources, "otc-prod", CANARY)
    boto3.client("secretsmanager").delete_secret(SecretId="vbs-reaper/otc-prod")
    with pytest.raises(InvalidSecret, match="secret vbs-reaper/otc-prod is scheduled for deletion; restore it"):
        secrets.read("otc-prod")


@pytest.mark.usefixtures("aws")
def test_a_secrets_manager_that_cannot_be_reached_is_told_as_that() -> None:
    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client("secretsmanager", endpoint_url="http://127.0.0.1:9", config=once)
    with pytest.raises(InvalidSecret, match=r"Secrets Manager fails \(EndpointConnectionError\)"):
        TargetSecrets(client, "vbs-reaper").read("otc-prod")


def test_reading_writes_nothing_of_the_secret_down_at_any_level(
    resources: TemplateResources, secrets: TargetSecrets, caplog: pytest.LogCaptureFixture, log_lines: LogLines
) -> None:
    store(resources, "otc-prod", CANARY)
    caplog.set_level(logging.DEBUG)
    secrets.read("otc-prod")
    assert CANARY not in caplog.text + log_lines.text()
