"""The server of the simulator: threads, connections and TLS, and that it leaves nothing behind."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.integration.certificates import Authority
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
    with Caller(cloud) as each:
        yield each


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
    ids = cloud.add_backups(20)
    token = caller.token()

    def delete(backup_id: str) -> int:
        url = f"{cloud.url}/v3/{cloud.project_id}/backups/{backup_id}"
        return requests.delete(url, headers={"X-Auth-Token": token}, timeout=10).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(delete, ids * 2))
    assert sorted(statuses) == [202] * 20 + [404] * 20
    assert sorted(one.backup_id for one in cloud.journal.deletes) == sorted(ids)


def test_connections_are_counted_and_each_call_has_the_number_of_its_connection(cloud: Cloud, caller: Caller) -> None:
    with Caller(cloud) as other:
        for each in (caller, other, caller):
            each.call("GET", "/v3/PROJECT/backups")
    assert cloud.journal.connections == 2
    assert [call.connection for call in cloud.journal.calls] == [1, 1, 2, 2, 1]


def test_nothing_is_left_when_it_stops() -> None:
    before = threading.active_count()
    simulator = Simulator()
    with simulator.running() as cloud, Caller(cloud) as caller:
        caller.token()
        port = int(cloud.url.rpartition(":")[2])
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


def test_with_a_tls_context_only_https_is_served_and_a_slow_handshake_blocks_no_other_client(tmp_path: Path) -> None:
    authority = Authority()
    authority_file = tmp_path / "authority.pem"
    authority_file.write_text(authority.pem)
    simulator = Simulator(tls=authority.server_context(tmp_path))
    with simulator.running() as cloud, Caller(cloud) as caller, socket.create_connection(simulator.address):
        assert cloud.url.startswith("https://")
        assert "insecure_http" not in cloud.target_secret()
        with pytest.raises(requests.exceptions.SSLError):
            caller.log_in()
        caller.http.verify = str(authority_file)
        backup_id = cloud.add_backup()
        assert caller.show(backup_id).status_code == 200
        cloud.inject(Fault(breakage=Breakage.RESET))
        with pytest.raises(requests.ConnectionError):
            caller.delete(backup_id)
        assert cloud.remaining() == {backup_id: "available"}
