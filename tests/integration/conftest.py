"""AWS for tests of one neighbour: moto's server in this process, made empty for every test."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, cast

import boto3
import botocore.loaders
import botocore.session
import pytest
import requests
from moto.server import ThreadedMotoServer

from functions.deleter import app
from tests.support.doubles import FakeLambdaContext
from tests.support.poller import Invoke
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.template_resources import REGION, TemplateResources, make_resources

SERVICE_MODELS = botocore.loaders.create_loader()
"""The descriptions of the AWS services. Reading them again for every test would take longer than most tests."""


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty AWS in this process; nothing of the machine's own AWS configuration is left. Returns its address."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.get_session()
    session.register_component("data_loader", SERVICE_MODELS)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session(botocore_session=session))
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()
    return moto_url


@pytest.fixture
def resources(aws: str) -> TemplateResources:
    """Queues and bus as template.yaml describes them."""
    return make_resources()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A cloud of its own: Keystone and the backup service."""
    with Simulator().running() as cloud:
        yield cloud


@pytest.fixture
def forget_deleter() -> Iterator[Callable[[], None]]:
    """As if the execution environment were a new one, now and whenever it is called."""
    app.deleter.cache_clear()
    yield app.deleter.cache_clear
    app.deleter.cache_clear()


@pytest.fixture
def invoke(
    resources: TemplateResources,
    cloud: Cloud,
    lambda_context: FakeLambdaContext,
    monkeypatch: pytest.MonkeyPatch,
    forget_deleter: Callable[[], None],
) -> Invoke:
    """The deleter's handler in a new environment, told of the resources; both targets' secrets are of this cloud."""
    for name, value in resources.deleter_environment.items():
        monkeypatch.setenv(name, value)
    for target in ("default", "otc-prod"):
        boto3.client("secretsmanager").create_secret(
            Name=f"{resources.secret_prefix}/{target}", SecretString=json.dumps(cloud.target_secret())
        )
    forget_deleter()
    return lambda event: app.lambda_handler(event, cast("Any", lambda_context))
