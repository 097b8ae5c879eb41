"""The built deleter, imported as in Lambda: only with the packages of the layers and of the runtime."""

import io
import json
import os
import subprocess
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.local.artefacts import ROOT, build, local_environment
from tests.support.simulator.cloud import Cloud
from tests.support.template_resources import TemplateResources

RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
EVENTS = sorted((ROOT / "events" / "deleter").glob("*.json"))
TARGETS = ("default", "otc-prod")
NOT_CONFIGURED = "nobody-configured-this"

Events = dict[str, Any]


@pytest.fixture(scope="module")
def path_in_lambda(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The unpacked function, layers and runtime packages, for this machine."""
    python = local_environment()
    root = tmp_path_factory.mktemp("lambda")
    for folder, place in {"functions/deleter": "task", "layers/dependencies": "opt", "layers/shared": "opt"}.items():
        with zipfile.ZipFile(io.BytesIO(build(ROOT / folder, python))) as archive:
            archive.extractall(root / place)
    runtime = root / "runtime"
    runtime.mkdir()
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(python.parents[1])}))
    for name in RUNTIME_PACKAGES:
        (runtime / name).symlink_to(packages / name)
    return [root / "task", root / "opt" / "python", runtime]


@pytest.fixture
def answers(path_in_lambda: list[Path], resources: TemplateResources, cloud: Cloud, tmp_path: Path) -> Events:
    """The responses to every file of `events/deleter/`, one after the other, with an empty project."""
    for target in TARGETS:
        secret = json.dumps(cloud.target_secret())
        boto3.client("secretsmanager").create_secret(Name=f"{resources.secret_prefix}/{target}", SecretString=secret)
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    events = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in EVENTS}
    for record in (record for event in events.values() for record in event.get("Records", [])):
        record["attributes"]["ApproximateReceiveCount"] = "2"  # the first delivery proves nothing in an empty project
    written = tmp_path / "answers.json"
    python = str(local_environment())
    script = str(Path(__file__).with_name("as_lambda.py"))
    finished = subprocess.run(
        [python, "-I", "-S", script, str(written), *map(str, path_in_lambda)],
        input=json.dumps(events),
        env={**aws, **resources.deleter_environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not finished.returncode, finished.stderr
    answers: Events = json.loads(written.read_text(encoding="utf-8"))
    return answers


def test_every_sample_gets_the_expected_answer(answers: Events, resources: TemplateResources, cloud: Cloud) -> None:
    """With an empty project, only the direct request (needs a second GET) and that of an unknown target do not end."""
    direct = answers.pop("direct")
    assert (direct["outcome"], direct["reason"]) == ("queued", "unconfirmed")
    for name, answer in answers.items():
        waiting = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        assert waiting == messages_for(NOT_CONFIGURED, name), name
    assert attributes(resources.dead_letter_queue_url, "reason") == ["malformed"] * 4
    queued = attributes(resources.delete_queue_url, "request_id")
    assert len([request_id for request_id in queued if "/" in request_id]) == 3
    assert not cloud.journal.deletes


def messages_for(target: str, name: str) -> set[str]:
    """Return the IDs of the messages in a sample that name this target."""
    records = json.loads((ROOT / "events" / "deleter" / f"{name}.json").read_text(encoding="utf-8"))["Records"]
    return {record["messageId"] for record in records if target in record["body"]}


def attributes(queue_url: str, name: str) -> list[str]:
    """Return one attribute of every visible message of a queue."""
    found: list[str] = []
    sqs = boto3.client("sqs")
    while messages := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += [message["MessageAttributes"][name]["StringValue"] for message in messages]
    return found
