"""`make test-cloud` changes nothing in a target except the one backup that it creates, as the journal shows."""

import io
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.__main__ import main
from tests.contract.cloud_peer import CloudPeer, NotPermitted
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.journal import Operation
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import PROJECT_ID, SimulatorSettings

ROOT = Path(__file__).parents[2]
LOGINS: dict[str, dict[str, Any]] = {
    "password": {},
    "application credential": {"application_credential": True},
    "access key": {"access_key": True},
}


def run(cloud: Cloud, folder: Path, secret: dict[str, Any], *options: str, typed: str = "") -> tuple[int, str]:
    """Run the command in a process, because it runs pytest; return its exit code and output."""
    command = [sys.executable, "-m", "tests.contract", *arguments(folder, secret, options)]
    ran = subprocess.run(command, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)
    printed = ran.stdout + ran.stderr
    assert cloud.password_of() not in printed
    return ran.returncode, printed


def arguments(folder: Path, secret: dict[str, Any], options: Iterable[str] = ()) -> list[str]:
    target = folder / "target.json"
    target.write_text(json.dumps(secret))
    return ["--target", str(target), *options]


def changing_calls(cloud: Cloud) -> list[tuple[str, str]]:
    """Return the calls that are neither logins nor GETs."""
    calls = [call for call in cloud.journal.calls if call.operation is not Operation.LOGIN]
    return [(call.method, call.raw_path) for call in calls if call.method != "GET"]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Simulator(SimulatorSettings(delete_seconds=0.5)).running() as cloud:
        cloud.add_backups(5, volume_id=cloud.new_id())
        yield cloud


@pytest.mark.parametrize(("kind", "login"), [("vbs", "password"), ("cbr", "access key")])
def test_it_sends_one_login_and_only_gets(cloud: Cloud, tmp_path: Path, kind: str, login: str) -> None:
    code, printed = run(cloud, tmp_path, cloud.target_secret(service=kind, **LOGINS[login]))
    assert code == 0, printed
    assert ("8 passed, 1 skipped" if login == "access key" else "9 passed") in printed
    assert changing_calls(cloud) == []
    assert [each.succeeded for each in cloud.journal.logins] == ([] if login == "access key" else [True])
    assert len(cloud.remaining()) == 5


@pytest.mark.parametrize(("login", "key"), [("password", "password"), ("access key", "secret_key")])
def test_a_wrong_password_or_signature_is_sent_once_and_nothing_is_tested(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str], login: str, key: str
) -> None:
    secret = cloud.target_secret(**LOGINS[login])
    secret["auth"][key] = "x" * 40
    assert main(arguments(tmp_path, secret)) == 1
    assert capsys.readouterr().err.count("Nothing was tested") == 1
    assert [login.succeeded for login in cloud.journal.logins] == [False]
    assert len(cloud.journal.calls) == 1


@pytest.mark.parametrize(("kind", "login"), [("cinder", "application credential"), ("cbr", "password")])
def test_it_creates_one_backup_and_deletes_only_that_after_the_project_was_typed(
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


@pytest.mark.parametrize(
    ("names_project", "typed", "asks_for"),
    [(False, "", "ID"), (False, "0" * 32, "ID"), (True, PROJECT_ID, "name")],
    ids=["nothing", "another project", "the ID of a project with a name"],
)
def test_it_creates_nothing_unless_the_project_is_typed_as_in_the_secret(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    names_project: bool, typed: str, asks_for: str,
) -> None:  # fmt: skip
    secret = cloud.target_secret()
    if names_project:
        del secret["auth"]["project_id"]
        secret["auth"]["project_name"] = cloud.identity.users["member"].project.name
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
    assert main(arguments(tmp_path, secret, ("--create-on", cloud.new_id()))) == 1
    assert f"Type the {asks_for} of the project" in capsys.readouterr().out
    assert {call.operation for call in cloud.journal.calls} == {Operation.LOGIN}


def test_a_test_that_would_delete_another_backup_is_stopped_before_it_is_sent(cloud: Cloud) -> None:
    first, second, *_ = cloud.remaining()
    with closing(CloudPeer(json.dumps(cloud.target_secret()))) as peer:
        with pytest.raises(NotPermitted):
            peer.client.delete_backup(peer.ref(first), peer.time_left)
        with peer.permitting_delete(second), pytest.raises(NotPermitted):
            peer.client.delete_backup(peer.ref(first), peer.time_left)
    assert changing_calls(cloud) == []
