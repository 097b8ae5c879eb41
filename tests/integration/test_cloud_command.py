"""`make test-cloud` changes nothing at a target, or only the one backup that it makes, as the cloud's journal shows."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.cloud_peer import CloudPeer, NotPermitted
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings

ROOT = Path(__file__).parents[2]
TARGETS = [("vbs", "password"), ("cinder", "application credential"), ("cbr", "access key")]
"""Each kind and each login once: a run takes seconds."""
LOGINS: dict[str, dict[str, Any]] = {
    "password": {},
    "application credential": {"application_credential": True},
    "access key": {"access_key": True},
}


def run(cloud: Cloud, folder: Path, secret: dict[str, Any], *options: str, typed: str = "") -> tuple[int, str]:
    """Run the command; returns its exit code and all that it printed."""
    target = folder / "target.json"
    target.write_text(json.dumps(secret))
    command = [sys.executable, "-m", "tests.contract", "--target", str(target), *options]
    ran = subprocess.run(command, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)
    printed = ran.stdout + ran.stderr
    assert cloud.password_of() not in printed
    return ran.returncode, printed


def changing_calls(cloud: Cloud) -> list[tuple[str, str]]:
    """The calls other than logins that are not GET."""
    calls = [call for call in cloud.journal.calls if call.operation is not Operation.LOGIN]
    return [(call.method, call.raw_path) for call in calls if call.method != "GET"]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Simulator(SimulatorSettings(delete_seconds=0.5)).running() as cloud:
        cloud.add_backups(5, volume_id=cloud.new_id())
        yield cloud


@pytest.mark.parametrize(("kind", "login"), [*TARGETS, ("cbr", "password")])
def test_it_sends_one_login_and_nothing_but_get(cloud: Cloud, tmp_path: Path, kind: str, login: str) -> None:
    code, printed = run(cloud, tmp_path, cloud.target_secret(service=kind, **LOGINS[login]))
    assert code == 0, printed
    assert ("8 passed, 1 skipped" if login == "access key" else "9 passed") in printed
    assert changing_calls(cloud) == []
    assert [each.succeeded for each in cloud.journal.logins] == ([] if login == "access key" else [True])
    assert len(cloud.remaining()) == 5


def test_a_wrong_signature_is_sent_once(cloud: Cloud, tmp_path: Path) -> None:
    secret = cloud.target_secret(access_key=True)
    secret["auth"]["secret_key"] = "x" * 40
    assert run(cloud, tmp_path, secret)[0] == 1
    assert [login.succeeded for login in cloud.journal.logins] == [False]
    assert len(cloud.journal.calls) == 1


def test_a_wrong_password_is_tried_once(cloud: Cloud, tmp_path: Path) -> None:
    secret = cloud.target_secret()
    secret["auth"]["password"] = "wrong"
    code, printed = run(cloud, tmp_path, secret)
    assert (code, printed.count("Nothing was tested")) == (1, 1)
    assert [login.succeeded for login in cloud.journal.logins] == [False]
    assert len(cloud.journal.calls) == 1


@pytest.mark.parametrize(("kind", "login"), TARGETS)
def test_it_makes_one_backup_and_deletes_only_that_after_the_project_was_typed(
    cloud: Cloud, tmp_path: Path, kind: str, login: str
) -> None:
    before = cloud.remaining()
    volume_id = cloud.new_id()
    secret = cloud.target_secret(service=kind, **LOGINS[login])
    code, printed = run(cloud, tmp_path, secret, "--create-on", volume_id, typed=f"{cloud.project_id}\n")
    assert code == 0, printed
    (made,) = cloud.journal.calls_of(Operation.CREATE)
    (deleted,) = cloud.journal.calls_of(Operation.DELETE)
    assert [each[0] for each in changing_calls(cloud)] == [made.method, deleted.method] == ["POST", "DELETE"]
    assert deleted.backup_id not in before
    assert cloud.journal.history(deleted.backup_id or "") == ["creating", "available", "deleting", "deleted"]
    assert cloud.remaining() == before
    assert "1 DELETE" in printed


@pytest.mark.parametrize("typed", ["", "0" * 32 + "\n"])
def test_it_makes_nothing_if_another_project_or_nothing_is_typed(cloud: Cloud, tmp_path: Path, typed: str) -> None:
    code, _ = run(cloud, tmp_path, cloud.target_secret(), "--create-on", cloud.new_id(), typed=typed)
    assert code == 1
    assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}


def test_the_name_of_the_project_is_asked_for_if_the_secret_names_it(cloud: Cloud, tmp_path: Path) -> None:
    secret = cloud.target_secret()
    project_id = secret["auth"].pop("project_id")
    secret["auth"]["project_name"] = cloud.identity.users["member"].project.name
    code, printed = run(cloud, tmp_path, secret, "--create-on", cloud.new_id(), typed=f"{project_id}\n")
    assert (code, "Type the name of the project" in printed) == (1, True)


def test_a_test_that_would_delete_another_backup_is_stopped_before_it_is_sent(cloud: Cloud) -> None:
    first, second, *_ = cloud.remaining()
    with closing(CloudPeer(json.dumps(cloud.target_secret()))) as peer:
        with pytest.raises(NotPermitted):
            peer.client.delete_backup(peer.ref(first), peer.time_left)
        with peer.permitting_delete(second), pytest.raises(NotPermitted):
            peer.client.delete_backup(peer.ref(first), peer.time_left)
    assert changing_calls(cloud) == []
