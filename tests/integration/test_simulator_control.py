"""The simulator from outside: steered over HTTP, as a command, with TLS; and that nothing is left of it."""

import datetime as dt
import ipaddress
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.simulator.caller import Caller
from tests.support.simulator.cloud import Cloud
from tests.support.simulator.faults import Breakage, Fault
from tests.support.simulator.server import Simulator
from tests.support.simulator.settings import SimulatorSettings


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with Simulator(SimulatorSettings(delete_seconds=0.0)).running() as running:
        yield running


@pytest.fixture
def caller(cloud: Cloud) -> Iterator[Caller]:
    with Caller(cloud) as somebody:
        yield somebody


def tell(cloud: Cloud, caller: Caller, what: str, told: object, status: int = 200) -> Any:  # noqa: ANN401
    answer = caller.http.post(f"{cloud.url}/simulator/{what}", json=told, timeout=10)
    assert answer.status_code == status, answer.text
    return answer.json()


def read(cloud: Cloud, caller: Caller, what: str) -> Any:  # noqa: ANN401
    return caller.http.get(f"{cloud.url}/simulator/{what}", timeout=10).json()


def test_backups_are_added_changed_and_read_from_outside(cloud: Cloud, caller: Caller) -> None:
    (one,) = tell(cloud, caller, "backups", {"name": "one", "created_at": "2026-01-01T00:00:00Z", "driver": "hangs"})
    two, three = tell(cloud, caller, "backups", [{"name": "two"}, {"name": "three", "status": "error"}])
    many = tell(cloud, caller, "backups", {"count": 3, "volume_id": two})
    tell(cloud, caller, f"backups/{two}", {"status": "restoring"})
    tell(cloud, caller, "hold", {"backup_id": one})
    tell(cloud, caller, "remove", {"backup_id": many[0]})
    states = read(cloud, caller, "backups")
    assert states == dict.fromkeys([one, *many[1:]], "available") | {two: "restoring", three: "error"}


def test_the_weather_is_made_from_outside(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    tell(cloud, caller, "service", {"up": False})
    assert caller.delete(backup_id).status_code == 404
    tell(cloud, caller, "service", {"up": True})
    tell(cloud, caller, "settings", {"page_limit": 1, "catalog": ["vbs"]})
    assert read(cloud, caller, "settings")["page_limit"] == 1
    tell(cloud, caller, "faults", [{"operation": "delete", "status": 503, "body": "html", "headers": {"A": "b"}}])
    assert caller.delete(backup_id).status_code == 503
    tell(cloud, caller, "shake", {"probability": 1.0})
    caller.http.delete(f"{cloud.url}/simulator/faults", timeout=10)
    assert caller.delete(backup_id).status_code == 202


def test_people_and_time_are_changed_from_outside(cloud: Cloud, caller: Caller) -> None:
    caller.token()
    tell(cloud, caller, "revoke", {})
    assert caller.call("GET", "/v3/PROJECT/backups").status_code == 401
    tell(cloud, caller, "password", {"password": "new"})
    assert read(cloud, caller, "secret?service=cinder")["auth"]["password"] == "new"
    before = cloud.now()
    tell(cloud, caller, "advance", {"seconds": 3600})
    assert cloud.now() - before >= dt.timedelta(hours=1)
    tell(cloud, caller, "reset", {})
    assert read(cloud, caller, "journal")["calls"] == []


def test_the_journal_is_read_as_json(cloud: Cloud, caller: Caller) -> None:
    backup_id = cloud.add_backup()
    caller.delete(backup_id)
    journal = read(cloud, caller, "journal")
    assert [call["operation"] for call in journal["calls"]] == ["login", "delete"]
    assert [delete["backup_id"] for delete in journal["deletes"]] == [backup_id]
    assert [change["status"] for change in journal["histories"][backup_id]] == ["available", "deleting", "deleted"]
    assert journal["logins"][0]["succeeded"] is True
    assert journal["connections"] == 1


def test_steering_is_no_call_and_no_connection_of_the_cloud(cloud: Cloud, caller: Caller) -> None:
    tell(cloud, caller, "backups", {})
    assert (cloud.journal.calls, cloud.journal.connections) == ([], 0)


@pytest.mark.parametrize(
    ("what", "told", "complaint"),
    [
        ("backups", {"nmae": "x"}, "a backup has no nmae"),
        ("backups", {"size": "x"}, "Expected `int`, got `str` - at `$.size`"),
        ("backups/nosuch", {"status": "error"}, "missing or unknown: nosuch"),
        ("faults", {"statsu": 1}, "a fault has no statsu"),
        ("faults", {"body": "nosuch"}, "Invalid enum value 'nosuch' - at `$.body`"),
        ("settings", {"nosuch": 1}, "there is no setting nosuch"),
        ("service", {"up": "false"}, "Expected `bool`, got `str`"),
        ("advance", {}, "missing or unknown: seconds"),
        ("nosuch", {}, "missing or unknown: nosuch"),
    ],
)
def test_what_can_not_be_done_is_said(cloud: Cloud, caller: Caller, what: str, told: object, complaint: str) -> None:
    assert tell(cloud, caller, what, told, 400) == {"error": complaint}


@pytest.mark.parametrize(
    ("service", "application_credential", "auth_type"),
    [("vbs", False, "v3password"), ("cinder", True, "v3applicationcredential")],
)
def test_a_target_secret_is_a_clouds_yaml_entry(
    cloud: Cloud, service: str, application_credential: bool, auth_type: str
) -> None:
    secret = cloud.target_secret(service=service, application_credential=application_credential, hold_marker="[k]")
    assert (secret["auth_type"], secret["volume_backup_service"]) == (auth_type, service)
    assert (secret["insecure_http"], secret["hold_marker"]) == (True, "[k]")
    assert secret["auth"]["auth_url"] == cloud.auth_url


def test_many_threads_delete_each_backup_once(cloud: Cloud, caller: Caller) -> None:
    ids = cloud.add_backups(60)
    token = caller.token()

    def delete(backup_id: str) -> int:
        url = f"{cloud.url}/v3/{cloud.project_id}/backups/{backup_id}"
        return requests.delete(url, headers={"X-Auth-Token": token}, timeout=10).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(delete, ids * 2))
    assert sorted(statuses) == [202] * 60 + [404] * 60
    assert sorted(one.backup_id for one in cloud.journal.deletes) == sorted(ids)


def test_connections_are_counted_and_each_call_names_its_own(cloud: Cloud, caller: Caller) -> None:
    with Caller(cloud) as other:
        for somebody in (caller, other, caller):
            somebody.call("GET", "/v3/PROJECT/backups")
    assert cloud.journal.connections == 2
    assert [call.connection for call in cloud.journal.calls] == [1, 1, 2, 2, 1]


def test_idle_connections_can_be_closed_after_a_while(cloud: Cloud, caller: Caller) -> None:
    cloud.change_settings(keep_alive_seconds=0.05)
    with socket.create_connection(("127.0.0.1", int(cloud.url.rpartition(":")[2])), timeout=10) as connection:
        assert connection.recv(1) == b""


def test_what_is_no_http_gets_a_bad_request(cloud: Cloud) -> None:
    with socket.create_connection(("127.0.0.1", int(cloud.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_nothing_is_left_when_it_stops() -> None:
    before = threading.active_count()
    simulator = Simulator()
    with simulator.running() as cloud, Caller(cloud) as caller:
        caller.token()
        port = int(cloud.url.rpartition(":")[2])
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_it_can_stop_and_start_again_at_the_same_address() -> None:
    simulator = Simulator()
    with simulator.running() as cloud, Caller(cloud) as caller:
        backup_id = cloud.add_backup()
        simulator.stop()
        with pytest.raises(requests.ConnectionError):
            caller.show(backup_id)
        simulator.start()
        assert caller.show(backup_id).status_code == 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(encoding, form, serialization.NoEncryption()) + certificate.public_bytes(encoding)
    )
    return path


def test_with_a_tls_context_it_serves_https_only(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Simulator(tls=context).running() as cloud, Caller(cloud) as caller:
        assert cloud.url.startswith("https://")
        assert "insecure_http" not in cloud.target_secret()
        with pytest.raises(requests.exceptions.SSLError):
            caller.log_in()
        caller.http.verify = str(certificate)
        backup_id = cloud.add_backup()
        assert caller.show(backup_id).status_code == 200
        cloud.inject(Fault(breakage=Breakage.RESET))
        with pytest.raises(requests.ConnectionError):
            caller.delete(backup_id)
        assert cloud.remaining() == {backup_id: "available"}


def test_a_client_that_dawdles_over_its_handshake_stops_nobody(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    simulator = Simulator(tls=context)
    with simulator.running() as cloud, Caller(cloud) as caller, socket.create_connection(simulator.address):
        caller.http.verify = str(certificate)
        assert caller.log_in().status_code == 201


def test_as_a_command_it_says_where_it_is_and_ends_cleanly_on_ctrl_c(tmp_path: Path) -> None:
    journal = tmp_path / "journal.json"
    command = [sys.executable, "-m", "tests.support.simulator", "--backups", "7", "--journal", str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [line for line in iter(process.stdout.readline, "Ctrl-C ends it.\n") if line]
        url = told[0].split()[3].rstrip(",")
        assert len(requests.get(f"{url}/simulator/backups", timeout=10).json()) == 7
        process.send_signal(signal.SIGINT)
        rest, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    assert '  "auth_type": "v3password",\n' in told
    assert rest.endswith("0 calls on 0 connections, 0 deletions accepted\n")
    assert json.loads(journal.read_text())["deletes"] == []
