"""The AWS clients of the functions: few retries and short timeouts. Create each once per execution environment.

They are clients of botocore, which boto3 is built on: importing boto3 and s3transfer too would take a tenth of a cold
start, and the functions use nothing of them.
"""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar, cast

from botocore.config import Config
from botocore.session import Session, get_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.client import BaseClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
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
    return cast("EventBridgeClient", _client("events"))


def lambda_functions() -> LambdaClient:
    """Return a client for Lambda."""
    return cast("LambdaClient", _client("lambda"))


def s3() -> S3Client:
    """Return a client for the plans in S3. Its timeouts are longer: a plan may have many megabytes."""
    patient = Config(read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
    return cast("S3Client", _client("s3", CONFIG.merge(patient)))


def s3_of_small_objects() -> S3Client:
    """Return a client for login slots and holds in S3: small objects that a call to the cloud waits for."""
    return cast("S3Client", _client("s3"))


def secrets_manager() -> SecretsManagerClient:
    """Return a client for Secrets Manager."""
    return cast("SecretsManagerClient", _client("secretsmanager"))


def sqs() -> SQSClient:
    """Return a client for SQS."""
    return cast("SQSClient", _client("sqs"))


def _client(service: str, config: Config = CONFIG) -> BaseClient:
    return _session().create_client(service, config=config)


@cache
def _session() -> Session:
    """Return the session that all clients share: it keeps credentials and the descriptions of services."""
    return get_session()
