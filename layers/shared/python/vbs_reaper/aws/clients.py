"""The boto3 clients of the functions: few retries and short timeouts. Create each once per execution environment."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

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
"""At most two attempts of 3 s, so a result can be published and dead-lettered in the time that a call leaves. If AWS
still fails, the message returns. There are as many connections as a batch has records."""


Client = TypeVar("Client")


def once(make: Callable[[], Client]) -> Callable[[], Client]:
    """Return a function that creates a client on its first call, and then returns the same one to every thread."""
    lock, clients = Lock(), list[Client]()

    def get() -> Client:
        with lock:
            if not clients:
                clients.append(make())
            return clients[0]

    return get


def events() -> EventBridgeClient:
    """Return a client for EventBridge."""
    return boto3.client("events", config=CONFIG)


def s3() -> S3Client:
    """Return a client for the plans in S3. Its timeouts are longer: a plan may have many megabytes."""
    return boto3.client(
        "s3", config=CONFIG.merge(Config(read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}))
    )


def s3_of_small_objects() -> S3Client:
    """Return a client for login slots and holds in S3: small objects that a call to the cloud waits for."""
    return boto3.client("s3", config=CONFIG)


def secrets_manager() -> SecretsManagerClient:
    """Return a client for Secrets Manager."""
    return boto3.client("secretsmanager", config=CONFIG)


def sqs() -> SQSClient:
    """Return a client for SQS."""
    return boto3.client("sqs", config=CONFIG)
