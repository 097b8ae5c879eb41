"""boto3 clients with stubbed responses. botocore validates requests and responses against the models of AWS."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

NOWHERE = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-central-1")
ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})


@pytest.fixture
def sqs() -> "SQSClient":
    return NOWHERE.client("sqs", config=ONCE)


@pytest.fixture
def sqs_stub(sqs: "SQSClient") -> Iterator[Stubber]:
    with Stubber(sqs) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def events() -> "EventBridgeClient":
    return NOWHERE.client("events", config=ONCE)


@pytest.fixture
def events_stub(events: "EventBridgeClient") -> Iterator[Stubber]:
    with Stubber(events) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def secrets_manager() -> "SecretsManagerClient":
    return NOWHERE.client("secretsmanager", config=ONCE)


@pytest.fixture
def secrets_manager_stub(secrets_manager: "SecretsManagerClient") -> Iterator[Stubber]:
    with Stubber(secrets_manager) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()
