"""boto3's clients as the functions use them: few tries, short time-outs. Build each once per environment."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

CONFIG: Final = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=10,
)
"""Two tries of 3 s at most: an end is published and dead-lettered within the time a call leaves. What AWS does not
take by then comes back with its message. As many connections as a batch has records."""


def events() -> EventBridgeClient:
    """Make a client of EventBridge."""
    return boto3.client("events", config=CONFIG)


def s3() -> S3Client:
    """Make a client of S3 with longer time-outs: a plan may have many megabytes, and nothing waits behind it."""
    return boto3.client(
        "s3", config=CONFIG.merge(Config(read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}))
    )


def secrets_manager() -> SecretsManagerClient:
    """Make a client of Secrets Manager."""
    return boto3.client("secretsmanager", config=CONFIG)


def sqs() -> SQSClient:
    """Make a client of SQS."""
    return boto3.client("sqs", config=CONFIG)
