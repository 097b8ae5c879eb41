"""Fixtures: a moto server in this process, reset for every test, and a simulated cloud."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, cast

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from functions.deleter import app
from tests.integration.certificates import Authority
from tests.integration.event_recorder import EventRecorder
from tests.support.doubles import FakeLambdaContext
from tests.support.poller import Invoke, Poller
from tests.support.service_models import share_service_models
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.server import Simulator
from tests.support.template_resources import REGION, TemplateResources, make_bucket, make_resources
from vbs_reaper.clouds.http import transport


@pytest.fixture(scope="session", autouse=True)
def _one_public_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let transports trust only one public authority, because loading all takes longer than most tests."""
    bundle = tmp_path_factory.mktemp("trust") / "bundle.pem"
    bundle.write_text(Authority().pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport, "DEFAULT_CA_BUNDLE_PATH", str(bundle))
        yield


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Reset moto and replace the AWS configuration of the machine; return the endpoint."""
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
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    share_service_models(monkeypatch)
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()
    return moto_url


@pytest.fixture
def resources(aws: str) -> TemplateResources:
    """The queues, the bus and the bucket of template.yaml."""
    return make_resources()


@pytest.fixture
def bucket(aws: str) -> str:
    """Only the bucket of the stack."""
    return make_bucket()


@pytest.fixture
def delete_queue(resources: TemplateResources) -> Poller:
    return Poller(boto3.client("sqs"), resources.delete_queue_url)


@pytest.fixture
def dead_letters(resources: TemplateResources) -> Poller:
    return Poller(boto3.client("sqs"), resources.dead_letter_queue_url)


@pytest.fixture
def recorder(resources: TemplateResources) -> EventRecorder:
    """Record the events of the bus."""
    return EventRecorder.at(resources.bus_name)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """A simulated cloud for this test."""
    with Simulator().running() as cloud:
        yield cloud


@pytest.fixture
def forget_deleter() -> Iterator[Callable[[], None]]:
    """Return a function that clears the cached deleter, as in a new execution environment."""
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
    """The handler of the deleter in a new environment. The secrets of both targets name this cloud."""
    for name, value in resources.deleter_environment.items():
        monkeypatch.setenv(name, value)
    for target in ("default", "otc-prod"):
        boto3.client("secretsmanager").create_secret(
            Name=f"{resources.secret_prefix}/{target}", SecretString=json.dumps(cloud.target_secret())
        )
    forget_deleter()
    return lambda event: app.lambda_handler(event, cast("Any", lambda_context))
